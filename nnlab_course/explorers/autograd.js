// A computation graph whose values and then gradients are asked for one by one.

const INCH = 124; // Pixels in which Python's 8-point text has 14 pixels
const [LINE, PAD] = [0.145 * INCH, 0.07 * INCH]; // As in nnlab_course/plots/graph.py

const flat = (numbers) => [numbers].flat(Infinity);

// Numbers as `matrix_rows` writes them: as few decimals as show them to three.
function write(numbers) {
  const entries = flat(numbers);
  const largest = Math.max(...entries.map(Math.abs));
  if ((0 < largest && largest < 1e-2) || largest >= 1e5) return entries.map((n) => scientific(n));
  const shows = (digits) => entries.every((n) => Math.abs(Number(n.toFixed(digits)) - n) < 5e-4);
  const digits = [0, 1, 2].find(shows) ?? 3;
  return entries.map((n) => (Number(n.toFixed(digits)) + 0).toFixed(digits));
}

// Rows of equal width; hidden, with a question mark in each place.
function rowsOf(numbers, isHidden) {
  const texts = write(numbers);
  const width = Math.max(...texts.map((text) => text.length));
  const [count, columns] = [Array.isArray(numbers?.[0]) ? numbers.length : 1, texts.length];
  const pad = (text) => {
    if (!isHidden) return text.padStart(width);
    return "?".padStart(Math.ceil((width + 1) / 2)).padEnd(width);
  };
  const size = columns / count;
  return Array.from({ length: count }, (_, i) => texts.slice(i * size, (i + 1) * size).map(pad).join("  "));
}

// In one line: -2, or [[1, 2], [3, 4]].
function inWords(numbers) {
  const texts = write(numbers);
  const nest = (part) => (Array.isArray(part) ? `[${part.map(nest).join(", ")}]` : texts.shift());
  return nest(numbers);
}

function shapeOf(numbers) {
  return Array.isArray(numbers) ? [numbers.length, ...shapeOf(numbers[0])] : [];
}

// What somebody has typed, as Python writes it; throws a sentence if it isn't what was asked for.
function read(text, actual) {
  const shape = shapeOf(actual);
  const wanted = ["a number", `a list of ${shape[0]} numbers`, `a list of ${shape[0]} rows of ${shape[1]} numbers`];
  const zeros = JSON.stringify(actual, (_, value) => (Array.isArray(value) ? value : 0)).replaceAll(",", ", ");
  const example = shape.length ? zeros : "-1.5";
  const refusal = `'${text.trim().slice(0, 40)}' can't be read; type ${wanted[shape.length]}, such as ${example}`;
  let plain = text.trim().replaceAll("−", "-");
  plain = plain.replace(/[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/gi, (number) => String(Number(number)));
  let numbers;
  try {
    numbers = JSON.parse(shape.length && !plain.startsWith("[") ? `[${plain}]` : plain);
  } catch {
    throw refusal;
  }
  const entries = flat(numbers);
  if (entries.length === 1 && flat(actual).length === 1) {
    numbers = JSON.parse(JSON.stringify(actual), (_, value) => (Array.isArray(value) ? value : entries[0]));
  }
  const isNumber = (n) => typeof n === "number" && Number.isFinite(n);
  const isRagged = shape.length === 2 && [numbers].flat().some((row) => row.length !== shape[1]);
  if (String(shapeOf(numbers)) !== String(shape) || isRagged || !entries.every(isNumber)) throw refusal;
  return numbers;
}

// As far as `write` shows the second one.
function agree(predicted, actual) {
  const [one, other] = [flat(predicted), flat(actual)];
  const isScientific = write(actual)[0].includes("e");
  return one.every((n, i) =>
    isScientific ? scientific(n) === scientific(other[i]) : Math.abs(n - other[i]) < 5.001e-4,
  );
}

explorers.autograd = function (element, host) {
  const parse = (facts) => ({ ...facts, value: JSON.parse(facts.value), grad: JSON.parse(facts.grad) });
  const nodes = Object.fromEntries(Object.entries(host.data.nodes).map(([name, facts]) => [name, parse(facts)]));
  const { edges, steps } = host.data;
  const actualOf = (number) => nodes[steps[number].node][steps[number].kind];
  const nameOf = ({ node, kind }) => (kind === "value" ? `the value of ${node}` : `the gradient at ${node}`);

  // Of each step that was seen: "right", "second", "wrong", or null without a prediction.
  let verdicts = new Map();
  let tries = 0;
  let news = "";

  function accept({ step }) {
    const number = Number.isFinite(Number(step)) ? clamp(Math.round(Number(step)), 0, steps.length) : 0;
    for (let i = 0; i < number; i++) if (!verdicts.has(i)) verdicts.set(i, null);
    return { step: number };
  }

  const question = make("p", { class: "nnlab-question" });
  const field = make("input", { type: "text", autocomplete: "off" });
  const button = (text, act) => {
    const made = make("button", { type: "button" }, text);
    made.addEventListener("click", act);
    return made;
  };
  const reveal = button("Reveal", () => answer(field.value));
  const back = button("Back", goBack);
  const again = button("Start again", restart);
  const words = make("p", { class: "nnlab-words nnlab-verdict", role: "status" });
  const controls = make("div", { class: "nnlab-controls" }, field, reveal, back, again);
  field.addEventListener("keydown", (event) => event.key === "Enter" && answer(field.value));

  const tip = `nnlab-tip-${Math.random().toString(36).slice(2)}`;
  const arrow = draw("path", { d: "M0 0L8 4L0 8z", class: "nnlab-tip" });
  const marker = draw("marker", { id: tip, viewBox: "0 0 8 8", refX: 7, refY: 4, orient: "auto" }, arrow);
  fill(marker, { markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse" }, []);
  const picture = draw("g");
  const svg = draw("svg", { class: "nnlab-graph", role: "img" }, draw("defs", {}, marker), picture);
  const scroll = make("div", { class: "nnlab-scroll", tabindex: 0, role: "group", "aria-label": "Graph" }, svg);
  const legend = make("ul", { class: "nnlab-legend" }, swatch("box-leaf", "leaf"), swatch("box-op", "operation"));
  legend.append(make("li", {}, "✓ predicted, ✗ not"));

  function go(step, told) {
    tries = 0;
    news = told;
    field.value = "";
    view.change({ step });
  }

  function answer(text) {
    const number = view.state.step;
    if (number === steps.length) return go(number, "There is nothing more to reveal.");
    const [step, actual] = [steps[number], actualOf(number)];
    const truth = `${nameOf(step)} is ${inWords(actual)}`;
    if (!text.trim()) {
      if (!verdicts.has(number)) verdicts.set(number, null);
      return go(number + 1, `Without a prediction: ${truth}.`);
    }
    let predicted;
    try {
      predicted = read(text, actual);
    } catch (refusal) {
      news = `Nothing is revealed: ${refusal}.`;
      return view.change({});
    }
    const isRight = agree(predicted, actual);
    const slip = step.slips.find(([, wrong]) => agree(predicted, JSON.parse(wrong)));
    const reason = slip && !isRight ? `: ${slip[0]}` : "";
    if (!isRight && tries === 0) {
      tries = 1;
      field.select();
      news = `✗ ${inWords(predicted)} is not right${reason}. One more try.`;
      return view.change({});
    }
    const hadSeen = verdicts.has(number);
    if (!hadSeen) verdicts.set(number, isRight ? (tries ? "second" : "right") : "wrong");
    const verdict = isRight ? (tries ? "right at the second try." : "right.") : `not right${reason}.`;
    const note = hadSeen ? " You had seen it before, so it doesn't count." : "";
    go(number + 1, `${isRight ? "✓" : "✗"} You predicted ${inWords(predicted)}, and ${truth}: ${verdict}${note}`);
  }

  function goBack() {
    const number = view.state.step - 1;
    if (number < 0) return go(0, "This is the start.");
    const told = `${nameOf(steps[number])} is hidden again.`;
    go(number, told[0].toUpperCase() + told.slice(1));
  }

  function restart() {
    verdicts = new Map();
    go(0, "Back at the start, and the score is 0.");
  }

  function score() {
    const counted = [...verdicts.values()].filter(Boolean);
    if (!counted.length) return "";
    const second = counted.filter((verdict) => verdict === "second").length;
    const right = counted.filter((verdict) => verdict === "right").length + second;
    const later = second ? `, ${second} of them at the second try` : "";
    return ` ${right} of ${counted.length} predictions right${later}.`;
  }

  function ask(number) {
    if (number === steps.length) return [`All ${steps.length} steps are revealed`, ""];
    const way = steps[number].kind === "value" ? "forward" : "backward";
    const clue = steps[number].hint;
    const asked = `Step ${number + 1} of ${steps.length}, ${way}: what is ${nameOf(steps[number])}?`;
    return [asked, clue[0].toUpperCase() + clue.slice(1)];
  }

  // A curve from box to bend to box, level at each; straight along the row that a bend keeps free.
  function route([points, count]) {
    const places = points.map(([x, y]) => [x * INCH, -y * INCH]);
    let path = `M${places[0]}`;
    for (let i = 1; i < places.length; i++) {
      const [[x, y], [toX, toY]] = [places[i - 1], places[i]];
      const middle = (x + toX) / 2;
      path += i % 2 ? `C${middle} ${y} ${middle} ${toY} ${toX} ${toY}` : `L${toX} ${toY}`;
    }
    const parts = [draw("path", { d: path, class: "nnlab-edge", "marker-end": `url(#${tip})` })];
    const [x, y] = places.at(-1);
    const times = { x: x - 0.2 * INCH, y: y - 0.06 * INCH, "text-anchor": "middle" };
    if (count > 1) parts.push(draw("text", times, `×${count}`));
    return parts;
  }

  function badge(x, y, verdict) {
    const isRight = verdict !== "wrong";
    const circle = draw("circle", { cx: x, cy: y, r: 9 });
    const sign = draw("text", { x, y: y + 5, "text-anchor": "middle" }, isRight ? "✓" : "✗");
    return draw("g", { class: isRight ? "nnlab-right" : "nnlab-wrong" }, circle, sign);
  }

  function box(name, number) {
    const { box: [middle, height, wide, tall], op, leaf, value, grad } = nodes[name];
    const [x, y, width, depth] = [(middle - wide / 2) * INCH, -(height + tall / 2) * INCH, wide * INCH, tall * INCH];
    const asked = steps[number]?.node === name;
    const isHidden = (kind) => steps.some((step, i) => i >= number && step.node === name && step.kind === kind);
    const shape = { x, y, width, height: depth, rx: leaf ? 0 : PAD };
    const parts = [draw("rect", { ...shape, class: `nnlab-box-${leaf ? "leaf" : "op"}${asked ? " nnlab-asked" : ""}` })];
    const lines = [[name, "nnlab-name"], [op, "nnlab-kind"]];
    lines.push(...rowsOf(value, isHidden("value")).map((row) => [row, "nnlab-number"]));
    const valueLine = 2;
    lines.push(["grad", "nnlab-kind nnlab-grad"]);
    const gradLine = lines.length;
    lines.push(...rowsOf(grad, isHidden("grad")).map((row) => [row, "nnlab-number nnlab-grad"]));
    const at = (line) => y + PAD + (line + 0.5) * LINE;
    lines.forEach(([text, style], line) => {
      const place = { x: x + width / 2, y: at(line) + 5, "text-anchor": "middle", class: style };
      parts.push(draw("text", place, text));
    });
    steps.forEach((step, i) => {
      if (step.node !== name) return;
      const verdict = i < number ? verdicts.get(i) : i === number && tries ? "wrong" : null;
      if (verdict) parts.push(badge(x + width, at(step.kind === "value" ? valueLine : gradLine), verdict));
    });
    return draw("g", {}, ...parts);
  }

  // What a drawing shows, for who can't see it.
  function known(number) {
    const sentences = [["value", "Values"], ["grad", "Gradients"]].map(([kind, label]) => {
      const seen = Object.keys(nodes).filter(
        (name) => !steps.some((step, i) => i >= number && step.node === name && step.kind === kind),
      );
      return seen.length ? ` ${label}: ${seen.map((name) => `${name} = ${inWords(nodes[name][kind])}`).join(", ")}.` : "";
    });
    return `${host.data.title}.${sentences.join("")}`;
  }

  let shown; // The step on the screen

  function redraw({ step }, width) {
    const boxes = Object.values(nodes).map((facts) => facts.box);
    const right = Math.max(...boxes.map(([x, , w]) => x + w / 2)) * INCH + 12;
    const top = Math.min(...boxes.map(([, y, , h]) => -y - h / 2)) * INCH - 4;
    const bottom = Math.max(...boxes.map(([, y, , h]) => -y + h / 2)) * INCH + 4;
    const zoom = clamp(width / (right + 4), 0.78, 1); // smaller text could not be read
    const size = { width: zoom * (right + 4), height: zoom * (bottom - top) };
    fill(svg, { ...size, viewBox: `-4 ${top} ${right + 4} ${bottom - top}`, "aria-label": known(step) }, []);
    picture.replaceChildren(...edges.flatMap(route), ...Object.keys(nodes).map((name) => box(name, step)));
    const [asked, clue] = ask(step);
    question.replaceChildren(make("strong", {}, asked), make("br"), clue);
    const label = step < steps.length ? nameOf(steps[step]).replace("the ", "") : "all is revealed";
    field.setAttribute("aria-label", label);
    field.placeholder = label;
    field.disabled = reveal.disabled = step === steps.length;
    back.disabled = step === 0;
    if (shown !== step && step < steps.length) {
      scroll.scrollLeft = zoom * nodes[steps[step].node].box[0] * INCH - width / 2;
    }
    shown = step;
    return news + score();
  }

  const view = run(element, host, { parts: [question, controls, words, scroll, legend], words, accept, redraw });
  return Object.assign(view, { read, agree, inWords });
};
