// Typeset what `course_site/mathematics.py` marked. A formula that KaTeX can't read stays, in red.
document.querySelectorAll(".math").forEach((element) => {
  const displayMode = element.tagName === "DIV";
  katex.render(element.textContent, element, { displayMode, throwOnError: false });
});
// A formula wider than a phone scrolls by itself, and by keys.
for (const element of document.querySelectorAll("div.math")) {
  if (element.scrollWidth > element.clientWidth) element.tabIndex = 0;
}
