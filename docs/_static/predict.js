// Predictions: what answers a "Predict:" stays folded until the reader has guessed. The guesses stay
// on the reader's computer. Without this script, and in print, everything is open.

const KEY = "nnlab-predictions";
const page = location.pathname.replace(/^.*\//, "");

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) || {};
  } catch {
    return {}; // storage is switched off, or holds something else
  }
}

function keep(change) {
  const all = read();
  change(all);
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {} // the page works without remembering
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// The outputs of the cells that follow a question, and the paragraph that reads them.
function answersOf(question) {
  const found = [];
  let element = question.nextElementSibling;
  while (element && !element.matches(".cell, section, h2, h3")) element = element.nextElementSibling;
  for (; element && element.matches(".cell"); element = element.nextElementSibling) {
    // What one tries out for oneself tells nothing beforehand.
    found.push(...element.querySelectorAll(":scope > .cell_output:not(:has(.nnlab-drawing))"));
  }
  if (found.length && element && element.matches("p, ul, ol")) found.push(element);
  return found;
}

function setUp(question, number) {
  const answers = answersOf(question);
  if (!answers.length) return null;
  const id = `${page}#${number}`;
  question.id ||= `predict-${number}`;
  const field = make("input", { type: "text", id: `guess-${number}`, autocomplete: "off" });
  const label = make("label", { htmlFor: field.id, textContent: "Your prediction" });
  const button = make("button", { type: "submit", textContent: "Show me" });
  const form = make("form", { className: "predict" }, label, field, button);
  const verdict = make("p", { className: "predict-verdict" });
  verdict.setAttribute("role", "status");
  question.after(form);
  answers[answers.length - 1].after(verdict);

  function open(hidden) {
    for (const answer of answers) answer.classList.toggle("predict-folded", hidden);
    form.hidden = !hidden;
  }

  function show() {
    const kept = read()[id];
    verdict.replaceChildren();
    const all = read().all;
    open(!kept && !all);
    if (!kept) return;
    const guess = kept.guess ? `You predicted “${kept.guess}”. ` : "";
    verdict.append(guess);
    if (kept.right === undefined) {
      verdict.append("Were you right? ");
      for (const [text, right] of [["Yes", true], ["No, a surprise", false]]) {
        const choice = make("button", { type: "button", textContent: text });
        choice.addEventListener("click", () => {
          keep((all) => (all[id].right = right));
          show();
          verdict.tabIndex = -1;
          verdict.focus();
        });
        verdict.append(choice, " ");
      }
    } else {
      verdict.append(kept.right ? "You were right." : "A surprise.");
    }
    document.dispatchEvent(new Event("predicted"));
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    keep((all) => (all[id] = { guess: field.value.trim() }));
    show();
  });
  return { id, question, show };
}

function addSummary(items, article) {
  const summary = make("p", { className: "predict-summary" });
  summary.setAttribute("role", "status");
  const toggle = make("button", { type: "button", className: "predict-all" });
  const again = make("button", { type: "button", textContent: "Forget my predictions" });

  function show() {
    const kept = read();
    const made = items.filter((item) => kept[item.id]);
    const right = made.filter((item) => kept[item.id].right);
    const surprises = made.filter((item) => kept[item.id].right === false);
    summary.replaceChildren(
      `Predictions on this page: ${made.length} of ${items.length} made, ${right.length} right.`,
    );
    if (surprises.length) {
      summary.append(" Your surprises: ");
      surprises.forEach((item, n) => {
        const name = item.question.textContent.replace(/^Predict:\s*/, "").slice(0, 60);
        summary.append(n ? "; " : "", make("a", { href: `#${item.question.id}`, textContent: name }));
      });
    }
    toggle.textContent = kept.all ? "Fold the answers" : "Show all answers";
    again.hidden = !made.length;
  }

  toggle.addEventListener("click", () => {
    keep((all) => (all.all = !all.all));
    items.forEach((item) => item.show());
    show();
  });
  again.addEventListener("click", () => {
    keep((all) => items.forEach((item) => delete all[item.id]));
    items.forEach((item) => item.show());
    show();
  });
  document.addEventListener("predicted", show);
  items[0].question.before(make("p", { className: "predict-tools" }, toggle));
  article.append(make("div", { className: "predict-end" }, summary, again));
  show();
}

const article = document.querySelector("article");
const questions = [...article.querySelectorAll("p")].filter((paragraph) =>
  /^Predict:/.test(paragraph.textContent.trim()),
);
const items = questions.map(setUp).filter(Boolean);
if (items.length) {
  addSummary(items, article);
  items.forEach((item) => item.show());
}
