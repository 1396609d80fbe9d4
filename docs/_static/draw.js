// Start the pad of `course_site/drawing.py` when asked to: before that, nothing of it is loaded.
{
  const here = document.currentScript.src;
  const start = document.getElementById("draw-start");
  const status = document.getElementById("draw-status");

  async function load() {
    const page = (path) => new URL(path, document.baseURI).href;
    const { mount, SIDE } = await import(page(start.dataset.pad));
    const ort = await import(new URL("onnxruntime/ort.wasm.bundle.min.mjs", here).href);
    ort.env.wasm.numThreads = 1; // more would need a host that isolates the page
    ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime/ort-wasm-simd-threaded.wasm", here).href };
    const session = await ort.InferenceSession.create(page(start.dataset.model));
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = page(start.dataset.style);
    document.head.append(style);
    await new Promise((resolve) => style.addEventListener("load", resolve));
    const host = { answer: (drawing) => read(ort, session, drawing, SIDE), keep: keeper() };
    return () => mount(document.getElementById("draw"), host);
  }

  async function read(ort, session, drawing, side) {
    const pixels = Float32Array.from(drawing, (value) => value / 255);
    const shape = [1, 1, side, side];
    const found = await session.run({ drawing: new ort.Tensor("float32", pixels, shape) });
    const maps = session.outputNames.filter((name) => name.startsWith("maps"));
    return {
      digits: found.digits.data,
      image: found.image.data,
      maps: maps.map((name) => {
        const [, count, height] = found[name].dims;
        return { values: found[name].data, count, side: height };
      }),
    };
  }

  // Kept drawings stay on the page until it is left; the link takes them all away as one file.
  function keeper() {
    const entries = [];
    const link = document.createElement("a");
    link.download = "drawings.json";
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

  start.addEventListener("click", async () => {
    start.disabled = true;
    status.textContent = "Loading …";
    try {
      const show = await load();
      start.parentElement.remove();
      status.textContent = "Loaded. What you draw stays on this page.";
      show();
    } catch (error) {
      start.disabled = false;
      status.textContent =
        location.protocol === "file:"
          ? "A page opened from a folder can't load it. Run `python -m http.server` in the site's " +
            "folder, and open the address that it names."
          : `It could not be loaded (${error.message}). Try again.`;
    }
  });
}
