// A kernel on one patch of a digit: the products, their sum, and the map of all sums.

const YOURS = "your own";
const NEGATIVE = [127, 59, 8]; // The ends of Matplotlib's PuOr, as in the lessons; zero is white
const POSITIVE = [45, 0, 75];

function signedColour(value, limit) {
  const share = Math.min(Math.abs(value) / (limit || 1), 1);
  const end = value < 0 ? NEGATIVE : POSITIVE;
  return end.map((part) => Math.round(255 + share * (part - 255)));
}

// Relative, about as WCAG has it.
const luminance = (rgb) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => sum + part * (rgb[i] / 255) ** 2.2, 0);
const greyColour = (value) => Array(3).fill(Math.round(255 * value));
const largest = (rows) => Math.max(...rows.flat().map(Math.abs));
const minus = (text) => String(text).replace("-", "−");
const rounded = (value, digits) => (Number(value.toFixed(digits)) + 0).toFixed(digits); // no -0.00
const thousandths = (value) => Number(Number(value).toFixed(3));
const short = (value) => minus(Number(rounded(value, 2)));

function convolve(image, kernel) {
  const size = kernel.length;
  const sum = (row, column) => {
    let total = 0;
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) total += kernel[i][j] * image[row + i][column + j];
    return total;
  };
  const [height, width] = [image.length - size + 1, image[0].length - size + 1];
  return Array.from({ length: height }, (_, row) => Array.from({ length: width }, (_, column) => sum(row, column)));
}

function paint(canvas, rows, colour) {
  [canvas.height, canvas.width] = [rows.length, rows[0].length];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, i) => picture.data.set([...colour(value), 255], 4 * i));
  context.putImageData(picture, 0, 0);
}

// A picture of one pixel a number, with a frame that can be moved by pointer.
function panel(label, frameClass, moved) {
  const canvas = make("canvas", { role: "img", "aria-label": label });
  const frame = make("span", { class: frameClass });
  const caption = make("figcaption", {}, label);
  const inside = make("div", { class: "nnlab-image" }, canvas, frame);
  const element = make("figure", { class: "nnlab-panel" }, inside, caption);
  onDrag(inside, (x, y) => moved(Math.floor(x * canvas.width), Math.floor(y * canvas.height)));
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  function place(row, column, size) {
    frame.style.left = percent(column, canvas.width);
    frame.style.top = percent(row, canvas.height);
    frame.style.width = percent(size, canvas.width);
    frame.style.height = percent(size, canvas.height);
  }
  return { element, inside, canvas, caption, place };
}

// A small matrix as coloured cells; `entry` makes what is in a cell.
function matrix(label, entry) {
  const caption = make("caption", {}, label);
  const body = make("tbody");
  const element = make("table", { class: "nnlab-matrix" }, caption, body);
  let cells = [];
  function set(rows, colour, title = label) {
    if (cells.length !== rows.length) {
      cells = rows.map((row, i) => row.map((_, j) => entry(i, j)));
      body.replaceChildren(
        ...cells.map((row) => make("tr", {}, ...row.map((inside) => make("td", {}, inside)))),
      );
    }
    caption.textContent = title;
    rows.forEach((row, i) =>
      row.forEach((value, j) => {
        const [cell, rgb] = [cells[i][j], colour(value)];
        cell.parentElement.style.background = `rgb(${rgb})`;
        cell.style.color = luminance(rgb) > 0.179 ? "#000" : "#fff"; // whichever stands out more
        if (cell.tagName !== "INPUT") cell.textContent = short(value);
        else if (cell.value === "" || thousandths(cell.value) !== thousandths(value)) cell.value = thousandths(value);
      }),
    );
  }
  return { element, set };
}

explorers.convolution = function (element, host) {
  const { kernels, limit } = host.data;
  const image = host.data.image.map((row) => row.split(" ").map(Number));
  const names = [...Object.keys(kernels), YOURS];

  function accept({ kernel, entries, row, column }) {
    if (typeof entries === "string") entries = unfold(entries);
    if (kernel !== YOURS || !entries) {
      if (!(kernel in kernels)) kernel = names[0];
      entries = kernels[kernel];
    }
    const whole = (place, room) => clamp(Math.round(Number(place)) || 0, 0, room - entries.length);
    [row, column] = [whole(row, image.length), whole(column, image[0].length)];
    return { kernel, entries: kernel === YOURS ? entries : null, row, column };
  }

  // The address holds the numbers of a kernel in one line.
  function unfold(text) {
    const numbers = text.split(",").map(Number);
    const size = Math.sqrt(numbers.length);
    const isKernel = Number.isInteger(size) && size <= 7 && numbers.every((n) => Math.abs(n) <= limit);
    return isKernel ? Array.from({ length: size }, (_, i) => numbers.slice(i * size, (i + 1) * size)) : null;
  }

  const entriesOf = (state) => state.entries ?? kernels[state.kernel];
  const choice = chooser("kernel", names.map((name) => [name, name]), choose);
  const places = { row: slider("row", (row) => view.change({ row })), column: slider("column", (column) => view.change({ column })) };
  const middle = (place) => place - Math.floor(entriesOf(view.state).length / 2);
  const digit = panel("digit", "nnlab-frame", (x, y) => view.change({ row: middle(y), column: middle(x) }));
  const map = panel("map", "nnlab-cell", (column, row) => view.change({ row, column }));
  const patch = matrix("patch", () => make("span"));
  const kernel = matrix("× kernel", field);
  const products = matrix("= products", () => make("span"));
  const controls = make("div", { class: "nnlab-controls" });
  controls.append(choice.element, places.row.element, places.column.element);
  const images = make("div", { class: "nnlab-panels nnlab-images" }, digit.element, map.element);
  const tables = make("div", { class: "nnlab-panels" }, patch.element, kernel.element, products.element);
  patch.element.classList.add("nnlab-frame");

  function choose(name) {
    view.change(name === YOURS ? { kernel: YOURS, entries: entriesOf(view.state) } : { kernel: name });
  }

  function field(row, column) {
    const label = `entry in row ${row + 1}, column ${column + 1}`;
    const input = make("input", { type: "number", min: -limit, max: limit, step: 0.5, "aria-label": label });
    input.addEventListener("input", () => {
      if (input.value === "" || !Number.isFinite(Number(input.value))) return; // half typed
      const entries = entriesOf(view.state).map((line) => [...line]);
      entries[row][column] = clamp(Number(input.value), -limit, limit);
      const same = (name) => String(kernels[name]) === String(entries);
      view.change({ kernel: Object.keys(kernels).find(same) ?? YOURS, entries });
    });
    input.addEventListener("change", () => {
      if (input.value === "") input.value = thousandths(entriesOf(view.state)[row][column]);
    });
    return input;
  }

  fill(digit.inside, { tabindex: 0, role: "application", "aria-label": "Digit: arrow keys move the patch" }, []);
  const arrows = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  digit.inside.addEventListener("keydown", (event) => {
    if (!arrows[event.key]) return;
    const [down, right] = arrows[event.key];
    view.change({ row: view.state.row + down, column: view.state.column + right });
    event.preventDefault();
  });

  let drawn = ""; // The kernel whose map is on the screen
  let sums = [];

  function redraw(state) {
    const entries = entriesOf(state);
    const size = entries.length;
    const { row, column } = state;
    if (drawn !== String(entries)) {
      sums = convolve(image, entries);
      const end = largest(sums);
      paint(map.canvas, sums, (value) => signedColour(value, end));
      const range = `colours from −${Number(end.toPrecision(3))} to ${Number(end.toPrecision(3))}`;
      map.caption.textContent = `map, ${sums.length} × ${sums[0].length}, ${range}`;
      kernel.set(entries, (value) => signedColour(value, largest(entries)));
      drawn = String(entries);
    }
    const seen = entries.map((_, i) => image[row + i].slice(column, column + size));
    const parts = entries.map((line, i) => line.map((weight, j) => weight * seen[i][j]));
    const total = rounded(sums[row][column], 3);
    patch.set(seen, greyColour);
    products.set(parts, (value) => signedColour(value, largest(parts)), `= products, sum ${minus(total)}`);
    digit.place(row, column, size);
    map.place(row, column, 1);
    choice.set(state.kernel);
    places.row.set({ min: 0, max: sums.length - 1, step: 1, value: row });
    places.column.set({ min: 0, max: sums[0].length - 1, step: 1, value: column });
    return (
      `Kernel “${state.kernel}” at row ${row}, column ${column}: the products add up to ${total}, ` +
      `the framed cell of the map of ${sums.length} × ${sums[0].length}.`
    );
  }

  paint(digit.canvas, image, greyColour);
  const view = run(element, host, { parts: [controls, images, tables], accept, redraw });
  return Object.assign(view, { sums: () => sums });
};
