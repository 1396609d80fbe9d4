// Exercises that are answered by numbers, on the page: what the check in the notebook says of them.
// The page holds what it says of the right answer, of each mistake it knows, and of what is related
// to the right answer; of other answers it says where they are wrong, as the package does.

const SYMBOLS = { right: "✔", partly: "◐", wrong: "✘", unanswered: "…" };

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A number, a fraction or a power: 0.25, -3, 1/4, 2.5e-3. NaN for anything else.
function readNumber(text) {
  const parts = text.replace(/[\s_]/g, "").replace("−", "-").split("/");
  if (parts.length > 2 || parts.includes("")) return NaN;
  return parts.map(Number).reduce((above, below) => above / below);
}

function isClose(value, expected, { atol, rtol }) {
  return Math.abs(value - expected) <= atol + rtol * Math.abs(expected);
}

const short = (value) => String(Number(value.toPrecision(6)));

function judge(texts, answer) {
  if (texts.every((text) => !text.trim())) return ["unanswered", "not answered yet"];
  const comma = texts.find((text) => /^\s*[-−]?\d+,\d+\s*$/.test(text));
  if (comma) {
    return ["wrong", `a decimal number is written with a point: ${comma.trim().replace(",", ".")}`];
  }
  const values = texts.map(readNumber);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    const given = texts[bad].trim();
    return ["wrong", given ? `“${given}” is not a number; write 0.25 or 1/4` : "an entry is empty"];
  }
  const right = answer.verdicts[0][0];
  for (const [wanted, message] of answer.verdicts) {
    if (values.every((value, n) => isClose(value, wanted[n], answer))) {
      return [wanted === right ? "right" : "wrong", message];
    }
  }
  if (!answer.shape.length) {
    let why = "";
    if (values[0] * right[0] < 0) why = ", nor is its sign";
    else if (Number.isInteger(right[0]) && !Number.isInteger(values[0])) {
      why = ": the answer is a whole number";
    }
    return ["wrong", `${short(values[0])} is not correct${why}`];
  }
  const off = values.map((value, n) => {
    return Math.abs(value - right[n]) - answer.atol - answer.rtol * Math.abs(right[n]);
  });
  const worst = off.indexOf(Math.max(...off));
  const columns = answer.shape[answer.shape.length - 1];
  const place = answer.shape.length > 1 ? [Math.floor(worst / columns), worst % columns] : [worst];
  return [
    "wrong",
    `${off.filter((o) => o > 0).length} of ${off.length} entries are wrong; the largest error is ` +
      `at [${place.join(", ")}], where yours is ${short(values[worst])}`,
  ];
}

function makeFields(answer) {
  const [columns, rows] = [...answer.shape].reverse();
  const group = make("fieldset", {}, make("legend", {}, make("code", { textContent: answer.name })));
  const table = make("div", { className: "answer-entries" });
  table.style.setProperty("--columns", columns || 1);
  const fields = [];
  for (let n = 0; n < (rows || 1) * (columns || 1); n++) {
    const place = rows ? `[${Math.floor(n / columns)}, ${n % columns}]` : columns ? `[${n}]` : "";
    const field = make("input", { type: "text", autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-label", answer.name + place);
    fields.push(field);
    table.append(field);
  }
  const verdict = make("p", { className: "answer-verdict" });
  group.append(table, verdict);
  return { group, fields, verdict, answer };
}

function setUp(element) {
  const { id, answers } = JSON.parse(element.dataset.exercise);
  const parts = answers.map(makeFields);
  const button = make("button", { type: "submit", textContent: "Check" });
  const total = make("p", { className: "answer-total" });
  total.setAttribute("role", "status");
  const form = make("form", {}, ...parts.map((part) => part.group), button, total);
  form.setAttribute("aria-label", `Your answer to exercise ${id}`);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const verdicts = parts.map(({ fields, verdict, answer }) => {
      const [kind, message] = judge(fields.map((field) => field.value), answer);
      verdict.textContent = parts.length > 1 ? `${SYMBOLS[kind]} ${message}` : "";
      return [kind, message];
    });
    const right = verdicts.filter(([kind]) => kind === "right").length;
    const open = verdicts.every(([kind]) => kind === "unanswered");
    const kind = right === parts.length ? "right" : open ? "unanswered" : right ? "partly" : "wrong";
    const several = { right: "right", unanswered: "not answered yet" };
    const message = parts.length > 1 ? several[kind] || `${right} of ${parts.length} right` : verdicts[0][1];
    total.textContent = `${SYMBOLS[kind]} Exercise ${id}: ${message}`;
  });
  element.append(form);
}

document.querySelectorAll(".answer-here").forEach(setUp);
