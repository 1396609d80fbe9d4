// The pads of a page: the network answers in the reader's browser, and what is drawn stays there.

function answer(drawing) {
  const image = centre(drawing, SIDE);
  const { digits, maps } = lenet(layers, image);
  const [first, second] = maps;
  return {
    digits,
    image,
    maps: [
      { values: first, count: 6, side: 24 },
      { values: second, count: 16, side: 8 },
    ],
  };
}

// Kept drawings stay on the page until it is left; the link takes them all away as one file.
function keeper() {
  const entries = [];
  const link = make("a", { download: "drawings.json" });
  return async (label, pixels) => {
    entries.push({ label, pixels });
    URL.revokeObjectURL(link.href);
    const file = new Blob([JSON.stringify(entries)], { type: "application/json" });
    link.href = URL.createObjectURL(file);
    const what = entries.length === 1 ? "drawing" : `${entries.length} drawings`;
    link.textContent = `Download the ${what}`;
    return link;
  };
}

const bytes = Uint8Array.from(atob(WEIGHTS), (character) => character.charCodeAt(0));
const layers = layersOf(new Float32Array(bytes.buffer));
for (const place of document.querySelectorAll(".nnlab-drawing")) {
  place.classList.add("nnlab-mounted");
  mount(place, { answer, keep: "keep" in place.dataset ? keeper() : undefined });
}
