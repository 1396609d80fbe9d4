// A pad to draw a digit on, and what a network makes of it.
//
// `mount` builds it in JupyterLab and on the course's site alike. They differ in who answers, the
// host: there the kernel, by drawing_lab.js; here LeNet in the page, by lenet.js.

const SIDE = 140; // Pixels of the drawing that the network gets, as in drawing.ipynb
const FILL = 100; // Of these, the larger side of what was drawn
const PEN = 15; // And the width of the pen: about what MNIST's writers had
const KEY_STEP = 1 / 28; // How far an arrow key moves the pen, in widths of the pad
const NEGATIVE = [127, 59, 8]; // The ends of Matplotlib's PuOr, as in the lessons; zero is white
const POSITIVE = [45, 0, 75];

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 ? 0 : 1)} %`;

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// --- drawing ---------------------------------------------------------------------------

function trace(context, strokes, place, width) {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    context.moveTo(...place(stroke[0]));
    for (const point of stroke) context.lineTo(...place(point)); // the first again: a dot shows
    context.stroke();
  }
}

// The strokes as a picture of one size, however large they were drawn: bytes, row by row.
function rasterise(strokes) {
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillRect(0, 0, SIDE, SIDE);
  context.strokeStyle = "white";
  const points = strokes.flat();
  const [left, top] = [0, 1].map((axis) => Math.min(...points.map((point) => point[axis])));
  const [right, bottom] = [0, 1].map((axis) => Math.max(...points.map((point) => point[axis])));
  // A dot stays one.
  const zoom = FILL / Math.max(right - left, bottom - top, 0.15);
  const place = ([x, y]) => [
    SIDE / 2 + zoom * (x - (left + right) / 2),
    SIDE / 2 + zoom * (y - (top + bottom) / 2),
  ];
  trace(context, strokes, place, PEN);
  const rgba = context.getImageData(0, 0, SIDE, SIDE).data;
  return Uint8Array.from({ length: SIDE * SIDE }, (_, i) => rgba[4 * i]);
}

// --- pictures of the answer --------------------------------------------------------------

function paint(canvas, width, height, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const [red, green, blue] = colour(i % width, Math.floor(i / width));
    picture.data.set([red, green, blue, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

function paintImage(canvas, values) {
  const side = Math.sqrt(values.length);
  paint(canvas, side, side, (x, y) => Array(3).fill(255 * values[y * side + x]));
}

function paintMaps(canvas, { values, count, side }) {
  const columns = Math.min(count, 8);
  const tile = side + 1;
  const limit = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-6);
  const rows = Math.ceil(count / columns);
  paint(canvas, columns * tile - 1, rows * tile - 1, (x, y) => {
    const map = Math.floor(y / tile) * columns + Math.floor(x / tile);
    if (x % tile === side || y % tile === side || map >= count) return [255, 255, 255];
    const value = values[(map * side + (y % tile)) * side + (x % tile)] / limit;
    const end = value < 0 ? NEGATIVE : POSITIVE;
    return end.map((part) => 255 + Math.abs(value) * (part - 255));
  });
}

// --- the pad -----------------------------------------------------------------------------

// The host has `answer(drawing)`, a promise of {digits, image, maps}, and `keep(label, pixels)`, a
// promise of a sentence or an element, or no `keep`. Returns a function that takes everything away.
function mount(element, host) {
  const pad = make("canvas", {
    class: "nnlab-pad",
    tabindex: 0,
    role: "application",
    "aria-label":
      "Draw a digit. Arrow keys move the pen, space puts it down or lifts it, Backspace takes " +
      "the last stroke back.",
  });
  const undo = make("button", { type: "button" }, "Undo");
  const clear = make("button", { type: "button" }, "Clear");
  const answer = make("p", { class: "nnlab-answer" });
  const spoken = make("p", { class: "nnlab-spoken", role: "status" });
  const bars = [...Array(10).keys()].map((digit) => {
    const bar = make("span", { class: "nnlab-bar" });
    const share = make("td", { class: "nnlab-share" });
    const head = make("th", { scope: "row" }, String(digit));
    return { bar, share, row: make("tr", {}, head, make("td", {}, bar), share) };
  });
  const seen = make("canvas", { class: "nnlab-seen", role: "img" });
  const maps = make("div", { class: "nnlab-maps" });
  const label = make("select", {}, ...bars.map((_, i) => make("option", {}, String(i))));
  const keep = make("button", { type: "button" }, "Keep");
  const kept = make("span", { class: "nnlab-kept", role: "status" });

  const drawn = make("div", {}, pad, make("div", { class: "nnlab-buttons" }, undo, clear));
  const rows = bars.map((bar) => bar.row);
  const table = make("table", { "aria-label": "Probability of each digit" }, ...rows);
  const looks = [
    make("figure", {}, seen, make("figcaption", {}, "What the network sees")),
    maps,
  ];
  const keeping = make("div", { class: "nnlab-buttons" });
  keeping.append(make("label", {}, "I drew a ", label), keep, kept);
  const root = make("div", { class: "nnlab-draw" });
  root.append(drawn, make("div", {}, answer, spoken, table), make("div", {}, ...looks));
  if (host.keep) root.append(keeping);
  element.append(root);

  let strokes = [];
  let pen = null; // Where the keyboard's pen is, and whether it is down
  let asking = null; // A promise, while an answer is awaited
  let again = false;
  let last = null; // The last answer
  let said = false; // Whether the reader has said what the drawing is

  function show() {
    const size = pad.clientWidth || 280;
    pad.width = pad.height = Math.round(size * window.devicePixelRatio);
    const context = pad.getContext("2d");
    context.strokeStyle = "black";
    const place = ([x, y]) => [x * pad.width, y * pad.width];
    trace(context, strokes, place, 0.07 * pad.width);
    if (!pen) return;
    context.beginPath();
    context.arc(...place([pen.x, pen.y]), 0.025 * pad.width, 0, 2 * Math.PI);
    context.lineWidth = 0.01 * pad.width;
    context.strokeStyle = context.fillStyle = "#D55E00";
    context.stroke();
    if (pen.down) context.fill();
  }

  function present(result) {
    last = result;
    undo.disabled = clear.disabled = strokes.length === 0;
    keep.disabled = label.disabled = !result;
    const digits = result ? [...result.digits] : Array(10).fill(0);
    const best = digits.indexOf(Math.max(...digits));
    digits.forEach((share, digit) => {
      bars[digit].bar.style.width = `${100 * share}%`;
      bars[digit].share.textContent = result ? percent(share) : "";
      bars[digit].row.classList.toggle("nnlab-best", Boolean(result) && digit === best);
    });
    answer.textContent = result ? `${best}, ${percent(digits[best])}` : "Draw a digit";
    paintImage(seen, result ? result.image : new Float32Array(784));
    seen.setAttribute("aria-label", result ? "The drawing in 28 by 28 pixels" : "Nothing yet");
    said &&= Boolean(result);
    if (!said) label.value = result ? best : 0;
    if (result) maps.replaceChildren(...result.maps.map(lookAt));
  }

  function lookAt(map, layer) {
    const canvas = make("canvas", { role: "img", "aria-label": `${map.count} feature maps` });
    paintMaps(canvas, map);
    const size = `${map.count} maps of ${map.side} × ${map.side}`;
    const words = make("figcaption", {}, `What convolution ${layer + 1} answers: ${size}`);
    return make("figure", {}, canvas, words);
  }

  // Never two questions at once: what is drawn meanwhile is asked about when the answer is there.
  function ask() {
    again = true;
    asking ??= askUntilAnswered().finally(() => (asking = null));
    return asking;
  }

  async function askUntilAnswered() {
    while (again) {
      again = false;
      try {
        const start = performance.now();
        const result = strokes.length ? await host.answer(rasterise(strokes)) : null;
        root.dataset.milliseconds = performance.now() - start;
        present(strokes.length ? result : null);
      } catch (error) {
        answer.textContent = String(error.message ?? error);
      }
    }
    root.dataset.answered = strokes.length;
  }

  function change(next) {
    strokes = next;
    delete root.dataset.answered;
    kept.textContent = "";
    show();
    return ask();
  }

  async function finish() {
    await ask();
    spoken.textContent = last ? `Read as ${answer.textContent}` : "Nothing is drawn";
  }

  // By pointer: mouse, pen or finger.
  const positions = (event) => {
    const box = pad.getBoundingClientRect();
    return (event.getCoalescedEvents?.() ?? []).concat(event).map((part) => [
      Math.min(Math.max((part.clientX - box.left) / box.width, 0), 1),
      Math.min(Math.max((part.clientY - box.top) / box.height, 0), 1),
    ]);
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    pen = null;
    change([...strokes, positions(event).slice(-1)]);
  });
  pad.addEventListener("pointermove", (event) => {
    if (!pad.hasPointerCapture(event.pointerId)) return;
    strokes.at(-1).push(...positions(event));
    change(strokes);
  });
  pad.addEventListener("pointerup", finish);

  // By keys.
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  pad.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (arrows[event.key]) {
      pen ??= { x: 0.5, y: 0.5, down: false };
      const [x, y] = arrows[event.key].map((way) => way * KEY_STEP);
      pen.x = Math.min(Math.max(pen.x + x, 0), 1);
      pen.y = Math.min(Math.max(pen.y + y, 0), 1);
      if (pen.down) strokes.at(-1).push([pen.x, pen.y]);
      change(strokes);
    } else if (event.key === " ") {
      pen ??= { x: 0.5, y: 0.5, down: false };
      pen.down = !pen.down;
      if (pen.down) change([...strokes, [[pen.x, pen.y]]]);
      else finish();
      show();
    } else if (event.key === "Backspace") {
      undo.click();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // from JupyterLab, which would move the page or delete the cell
  });

  const lift = (next) => {
    if (pen) pen.down = false;
    return change(next).then(finish);
  };
  undo.addEventListener("click", () => lift(strokes.slice(0, -1)));
  clear.addEventListener("click", () => lift([]));
  label.addEventListener("change", () => (said = true));
  keep.addEventListener("click", async () => {
    const pixels = [...last.image].map((value) => Math.round(255 * value));
    try {
      kept.replaceChildren(await host.keep(Number(label.value), pixels));
    } catch (error) {
      kept.textContent = String(error.message ?? error);
    }
  });

  const resized = new ResizeObserver(show);
  resized.observe(pad);
  present(null);
  return () => {
    resized.disconnect();
    root.remove();
  };
}
