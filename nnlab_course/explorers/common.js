// What the explorers share: elements, sliders, axes, and a loop that redraws at most once a frame.
//
// Each explorer is a function `explorers.NAME(element, host)`. The host has `data`, what the package
// computed; `state`, to begin with; and `keep(state)`, told after each change. It returns `show(state)`,
// and `remove()`. JupyterLab and the site load these files one after the other, in one scope.

const explorers = {};

// --- elements --------------------------------------------------------------------------

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const make = (tag, attributes = {}, ...children) =>
  fill(document.createElement(tag), attributes, children);

const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// As Python writes it: 4.5e-07.
const scientific = (value, digits = 1) =>
  value.toExponential(digits).replace(/e([+-])(\d)$/, "e$10$2");

// Tell where a pointer is on an element while it is pressed, by mouse, pen or finger: 0 to 1, and
// beyond where it leaves the element.
function onDrag(element, tell) {
  const report = (event) => {
    const box = element.getBoundingClientRect();
    tell((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    report(event);
  });
  element.addEventListener("pointermove", (event) => {
    if (element.hasPointerCapture(event.pointerId)) report(event);
  });
}

// A list to choose from; `options` are pairs of a value and what is shown.
function chooser(label, options, changed) {
  const entries = options.map(([value, text]) => make("option", { value }, text));
  const select = make("select", { "aria-label": label }, ...entries);
  select.addEventListener("change", () => changed(select.value));
  const element = make("label", { class: "nnlab-choice" }, make("span", {}, label), select);
  return { element, set: (value) => (select.value = value) };
}

// A slider with a field for the number. `scale` turns a number into the slider's and back.
function slider(label, changed, scale = { to: (value) => value, from: (value) => value }) {
  const name = make("span", {}, label);
  const range = make("input", { type: "range" });
  const field = make("input", { type: "number" });
  const element = make("div", { class: "nnlab-slider" }, make("label", {}, name, range), field);
  const round = (value) => Number(Number(value).toPrecision(12));
  let last; // What the field was told
  range.addEventListener("input", () => changed(round(scale.from(Number(range.value)))));
  field.addEventListener("change", () => {
    const wanted = Number(field.value === "" ? last : field.value);
    field.value = clamp(wanted, Number(field.min), Number(field.max));
    changed(Number(field.value));
  });
  function set({ label, min, max, step, value, text = value, notch = step }) {
    if (label) name.textContent = label;
    field.setAttribute("aria-label", `${name.textContent}, as a number`);
    Object.assign(range, { min: scale.to(min), max: scale.to(max), step: notch });
    range.value = scale.to(value);
    range.setAttribute("aria-valuetext", text);
    Object.assign(field, { min, max, step });
    if (last !== value) field.value = value; // otherwise somebody may be typing
    last = value;
  }
  return { element, set };
}

function swatch(kind, label) {
  const sample = draw("svg", { viewBox: "0 0 28 12", width: 28, height: 12, "aria-hidden": "true" });
  const shapes = {
    area: () => draw("rect", { width: 28, height: 12 }),
    dot: () => draw("circle", { cx: 14, cy: 6, r: 4 }),
    box: () => draw("rect", { x: 4, y: 1, width: 20, height: 10 }),
    square: () => draw("rect", { x: 9, y: 1, width: 10, height: 10 }),
  };
  const line = () => draw("path", { d: "M0 6H28" });
  const shape = (shapes[kind.split("-")[0]] ?? line)();
  sample.append(fill(shape, { class: `nnlab-${kind}` }, []));
  return make("li", {}, sample, label);
}

// --- axes ------------------------------------------------------------------------------

// Round numbers from low to high, about so many.
function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * power).find((size) => size >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(9)));
}

// An SVG with labelled axes, laid out in pixels, so that its text is as large on a phone.
class Plot {
  constructor(label, height = 300) {
    this.height = height;
    this.id = `nnlab-clip-${Math.random().toString(36).slice(2)}`;
    this.axes = draw("g", { class: "nnlab-axes" });
    this.marks = draw("g", { "clip-path": `url(#${this.id})` });
    this.window = draw("rect");
    const clip = draw("clipPath", { id: this.id }, this.window);
    this.svg = draw("svg", { class: "nnlab-plot", role: "img", "aria-label": label });
    this.svg.append(draw("defs", {}, clip), this.axes, this.marks);
  }

  // `x` and `y` are {low, high, label, marks: [[value, text], …]}.
  frame(width, x, y) {
    const longest = Math.max(...y.marks.map(([, text]) => text.length));
    const box = { left: 30 + 7.5 * longest, right: width - 12, top: 10, bottom: this.height - 42 };
    this.x = (value) => box.left + ((value - x.low) / (x.high - x.low)) * (box.right - box.left);
    this.y = (value) => box.bottom - ((value - y.low) / (y.high - y.low)) * (box.bottom - box.top);
    this.at = (pixel) => x.low + ((pixel - box.left) / (box.right - box.left)) * (x.high - x.low);
    this.box = box;
    fill(this.svg, { viewBox: `0 0 ${width} ${this.height}`, width, height: this.height }, []);
    const [w, h] = [box.right - box.left, box.bottom - box.top];
    fill(this.window, { x: box.left, y: box.top, width: w, height: h }, []);
    const parts = [draw("rect", { x: box.left, y: box.top, width: w, height: h })];
    for (const [value, text] of x.marks) {
      const place = this.x(value);
      parts.push(draw("path", { d: `M${place} ${box.top}V${box.bottom}` }));
      parts.push(draw("text", { x: place, y: box.bottom + 16, "text-anchor": "middle" }, text));
    }
    for (const [value, text] of y.marks) {
      const place = this.y(value);
      parts.push(draw("path", { d: `M${box.left} ${place}H${box.right}` }));
      parts.push(draw("text", { x: box.left - 6, y: place + 4, "text-anchor": "end" }, text));
    }
    const middle = { "text-anchor": "middle", class: "nnlab-axis-label" };
    const [across, up] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    parts.push(draw("text", { x: across, y: this.height - 6, ...middle }, x.label));
    parts.push(draw("text", { transform: `translate(14 ${up}) rotate(-90)`, ...middle }, y.label));
    this.axes.replaceChildren(...parts);
  }

  // A path through points, or an empty one.
  line(points) {
    return points.map(([x, y], i) => `${i ? "L" : "M"}${this.x(x).toFixed(2)} ${this.y(y).toFixed(2)}`).join("");
  }

  // Tell which x a pointer is at while it is pressed.
  onDrag(tell) {
    this.svg.classList.add("nnlab-movable");
    onDrag(this.svg, (share) => tell(this.at(share * this.svg.getBoundingClientRect().width)));
  }
}

// --- the loop --------------------------------------------------------------------------

const sentence = () => make("p", { class: "nnlab-words", role: "status" });

// Put `parts` on the page; call `redraw(state, width)` after changes, at most once a frame. `accept`
// mends a state that comes from outside: an address, or a kernel. What `redraw` returns is said in
// `words`, below the parts unless it is in one of them.
function run(element, host, { parts, words = sentence(), accept, redraw }) {
  const root = make("div", { class: "nnlab-live", "data-lm-suppress-shortcuts": "true" }, ...parts);
  if (!root.contains(words)) root.append(words);
  root.addEventListener("keydown", (event) => {
    // From JupyterLab, which would move the page, or delete the cell.
    if (!event.altKey && !event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
  element.append(root);
  let state = accept(host.state);
  let frame = 0;

  function now() {
    frame = 0;
    const width = root.clientWidth - 8; // without the padding
    if (width <= 0) return; // folded away: the observer calls again
    const start = performance.now();
    const text = redraw(state, width);
    if (words.textContent !== text) words.textContent = text;
    root.dataset.milliseconds = performance.now() - start;
    root.dataset.drawn = Number(root.dataset.drawn ?? 0) + 1;
  }

  const later = () => (frame ||= requestAnimationFrame(now));
  const resized = new ResizeObserver(later);
  resized.observe(root);
  now();
  return {
    get state() {
      return state;
    },
    change(changes) {
      state = accept({ ...state, ...changes });
      host.keep(state);
      later();
    },
    show(next) {
      state = accept(next);
      later();
    },
    remove() {
      resized.disconnect();
      cancelAnimationFrame(frame);
      root.remove();
    },
  };
}
