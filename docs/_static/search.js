// Quote from a page's article alone, and formulas as "…": Sphinx would quote buttons and TeX.
const plain = Search.htmlToText;
Search.htmlToText = (text, anchor) => {
  const page = new DOMParser().parseFromString(text, "text/html");
  const article = page.querySelector("article") ?? page.body;
  article.querySelectorAll(".math").forEach((formula) => formula.replaceWith("…"));
  return plain(`<div role="main">${article.innerHTML}</div>`, anchor);
};
