// An activation function, its slope, and the tangent at an input that can be moved.

const EDGE = 8; // The picture shows -8 to 8
const GRID = Array.from({ length: 1601 }, (_, i) => Math.round(-100 * EDGE + i) / 100);

explorers.activations = function (element, host) {
  const { parameters, threshold } = host.data; // Function: its parameter's name, usual, low, high
  const functions = host.data.functions.filter((name) => name in ACTIVATIONS);

  function accept({ function: name, parameter, x }) {
    if (!functions.includes(name)) name = functions[0];
    const [, usual, low, high] = parameters[name] ?? [];
    const given = parameter === null || parameter === "" ? NaN : Number(parameter);
    parameter = usual === undefined ? null : Number.isFinite(given) ? clamp(given, low, high) : usual;
    x = Number.isFinite(Number(x)) ? clamp(Number(x), -EDGE, EDGE) : 0;
    return { function: name, parameter, x };
  }

  const pairs = functions.map((name) => [name, name]);
  const names = chooser("function", pairs, (name) => view.change({ function: name, parameter: null }));
  const parameter = slider("", (value) => view.change({ parameter: value }));
  const input = slider("input x", (value) => view.change({ x: value }));
  const controls = make("div", { class: "nnlab-controls" });
  controls.append(names.element, parameter.element, input.element);

  const plot = new Plot(host.data.title);
  const areas = draw("g", { class: "nnlab-area" });
  const curve = draw("path", { class: "nnlab-value" });
  const slopes = draw("path", { class: "nnlab-slope" });
  const tangent = draw("path", { class: "nnlab-tangent" });
  const square = draw("rect", { class: "nnlab-square", width: 10, height: 10 });
  const dot = draw("circle", { class: "nnlab-dot", r: 4 });
  plot.marks.append(areas, curve, slopes, tangent, square, dot);
  plot.onDrag((x) => view.change({ x: Math.round(20 * x) / 20 }));
  const legend = make("ul", { class: "nnlab-legend" });
  legend.append(swatch("value", "f(x)"), swatch("slope", "f'(x)"), swatch("tangent", "tangent at x"));
  legend.append(swatch("area", `saturated: |f'(x)| < ${threshold}`));

  const evaluate = (name, x, p) => ACTIVATIONS[name].map((part) => part(x, p));
  let drawn = ""; // Which curves are on the screen
  let stretches = [];

  // The curves change with the function; a move of x leaves them as they are.
  function drawCurves(state, width) {
    const { function: name, parameter: p } = state;
    const [f, slope] = ACTIVATIONS[name].map((part) => GRID.map((x) => part(x, p)));
    const [low, high] = [Math.min(...f, ...slope), Math.max(...f, ...slope)];
    const margin = 0.05 * (high - low);
    const marks = (low, high, count) => ticks(low, high, count).map((value) => [value, String(value)]);
    plot.frame(
      width,
      { low: -EDGE, high: EDGE, label: "x", marks: marks(-EDGE, EDGE, 8) },
      { low: low - margin, high: high + margin, label: "f(x), f'(x)", marks: marks(low, high, 5) },
    );
    const line = (values) => plot.line(GRID.map((x, i) => [x, values[i]]).filter((_, i) => i % 4 === 0));
    curve.setAttribute("d", line(f));
    slopes.setAttribute("d", line(slope));
    stretches = [];
    slope.forEach((value, i) => {
      if (Math.abs(value) >= threshold) return;
      if (i && Math.abs(slope[i - 1]) < threshold) stretches.at(-1)[1] = GRID[i];
      else stretches.push([GRID[i], GRID[i]]);
    });
    const { top, bottom } = plot.box;
    const area = ([first, last]) =>
      draw("rect", { x: plot.x(first), width: plot.x(last) - plot.x(first), y: top, height: bottom - top });
    areas.replaceChildren(...stretches.map(area));
  }

  function redraw(state, width) {
    const { function: name, parameter: p } = state;
    const x = Math.round(1e6 * state.x) / 1e6; // what a slider calls 0 may be 1e-16
    const shown = JSON.stringify([name, p, width]);
    if (shown !== drawn) drawCurves(state, width);
    drawn = shown;
    const [value, slope] = evaluate(name, x, p);
    const ends = [-2 * EDGE, 2 * EDGE].map((end) => [end, value + slope * (end - x)]);
    tangent.setAttribute("d", plot.line(ends));
    fill(square, { x: plot.x(x) - 5, y: plot.y(slope) - 5 }, []);
    fill(dot, { cx: plot.x(x), cy: plot.y(value) }, []);
    names.set(name);
    const [label, , low, high] = parameters[name] ?? [];
    parameter.element.style.visibility = label ? "visible" : "hidden"; // and keeps its room
    if (label) parameter.set({ label, min: low, max: high, step: 0.05, value: p });
    input.set({ min: -EDGE, max: EDGE, step: 0.05, value: x, text: `x = ${x}` });
    return describe(label ? `${name}, ${label} = ${p.toFixed(2)}` : name, x, value, slope);
  }

  // The same words as `ActivationExplorer.describe`.
  function describe(heading, x, value, slope) {
    const here = Math.abs(slope) < threshold ? "saturated" : "not saturated";
    const end = (value) => (Number(value.toFixed(1)) + 0).toFixed(1); // no -0.0
    const places = stretches.map(([first, last]) => `from ${end(first)} to ${end(last)}`);
    return (
      `${heading}, at x = ${x.toFixed(2)}: f(x) = ${number(value)}, f'(x) = ${number(slope)}, ${here}. ` +
      `Between -8 and 8 it is saturated ${places.join(" and ") || "nowhere"}.`
    );
  }

  const number = (value) =>
    0 < Math.abs(value) && Math.abs(value) < 5e-4 ? scientific(value) : (value + 0).toFixed(4);

  const view = run(element, host, { parts: [controls, plot.svg, legend], accept, redraw });
  return Object.assign(view, { evaluate }); // for whoever asks for more digits than the words have
};
