"""Make worksheets of the lessons: a sheet of questions, and the teacher's with the answers.

    python scripts/worksheet.py nbs FOLDER

The questions are the lesson's predictions and exercises, in its order, without the section
"Further". The pages fit themselves to one side of A4 in any browser; where Chromium is found,
they are printed to PDF as well.
"""

import argparse
import html
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbgrader.utils import is_solution

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT / "docs"))

from course_site.folding import solve  # noqa: E402

PREDICTION = re.compile(r"^\*\*Predict:\*\* (.+?)(?=\n\n|\Z)", re.M | re.S)
EXERCISE = re.compile(r"### (Exercise \S+) · (.+)\n+((?:.+\n?)+)")
# The first has no window, menus and tabs, and takes half the processor time for a page.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "chrome")

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="katex/katex.min.css"><script src="katex/katex.min.js"></script>
<style>
@page {{ size: A4; margin: 0 }}
body {{ margin: 0; font: 9pt/1.25 sans-serif }}
main {{ width: 188mm; height: 277mm; padding: 10mm 11mm; columns: {columns}; column-gap: 8mm;
  column-fill: auto; --room: {room}mm }}
main.sheet {{ overflow: hidden }}
main.answers {{ height: auto; columns: 2; column-fill: balance }}
h1 {{ font-size: 15pt; margin: 0 0 1mm }}
header {{ column-span: all; margin-bottom: 4mm }}
section {{ break-inside: avoid }}
p, ul {{ margin: 0 0 1mm }}
.room {{ height: var(--room); border-bottom: 0.2mm solid #999; margin-bottom: 2mm }}
.answer {{ border-left: 0.8mm solid #06c; padding-left: 2mm; margin: 1mm 0 3mm }}
pre {{ font-size: 7pt; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 }}
</style></head><body><main class="{kind}"><header><h1>{title}</h1>{head}</header>
{questions}</main><script>
for (const e of document.querySelectorAll(".math")) {{
  katex.render(e.textContent, e, {{ displayMode: e.tagName === "DIV", throwOnError: false }});
}}
// As much room to write as one page has; if there is too little, smaller letters.
const sheet = document.querySelector(".sheet");
const full = () => sheet.scrollWidth > sheet.clientWidth || sheet.scrollHeight > sheet.clientHeight;
let room = 40, size = 9;
function fit() {{
  while (full() && room > 4) {{
    if (room > 6.5 || size <= 6.5) room -= 0.5;
    else size -= 0.25;
    sheet.style.setProperty("--room", room + "mm");
    sheet.style.fontSize = size + "pt";
  }}
}}
// A measure asks for the fonts of formulas, wider than what stands in for them; "load" awaits them.
if (sheet) {{
  full();
  addEventListener("load", fit);
}}
</script></body></html>
"""


def questions(nb) -> list[tuple[str, str, str]]:
    """Return what a lesson asks: Markdown, the answer as Markdown, and the answer as code."""
    found = []
    for place, cell in enumerate(nb.cells):
        after = nb.cells[place + 1 :]
        if cell.cell_type != "markdown":
            continue
        if re.match(r"#+ Further", cell.source):
            break
        if task := EXERCISE.match(cell.source):
            solution = next(c.source for c in after if c.cell_type == "code" and is_solution(c))
            title = task[2] if task[2].endswith("?") else f"{task[2]}."
            found.append((f"**{task[1]}.** {title} {task[3]}", "", solve(solution)))
        for match in PREDICTION.finditer(cell.source):
            reading = cell.source[match.end() :].strip()
            if not reading:
                reading = next(c.source for c in after if c.cell_type == "markdown")
            question = match[1][0].upper() + match[1][1:]
            found.append((question, reading.split("\n\n")[0], ""))
    return found


def _math(text: str, options: dict) -> str:
    tag = "div" if options["display_mode"] else "span"
    return f'<{tag} class="math">{html.escape(text)}</{tag}>'


def page(nb, with_answers: bool) -> str:
    """Return a lesson's sheet as HTML."""
    markdown = MarkdownIt().use(dollarmath_plugin, renderer=_math)
    parts = []
    numbers = count(1)
    for question, answer, code in questions(nb):
        text = markdown.render(question if code else f"**{next(numbers)}.** {question}")
        if with_answers:
            shown = markdown.render(answer) + (f"<pre>{html.escape(code)}</pre>" if code else "")
            text += f'<div class="answer">{shown}</div>'
        else:
            text += '<div class="room"></div>'
        parts.append(f"<section>{text}</section>")
    title = nb.cells[0].source.splitlines()[0].removeprefix("# ")
    facts = {"kind": "answers", "head": "The teacher's sheet", "columns": 2, "room": 0}
    if not with_answers:
        facts |= {"kind": "sheet", "head": "Name:", "room": 40}
    return PAGE.format(title=html.escape(title), questions="\n".join(parts), **facts)


def write(source: Path, target: Path) -> list[Path]:
    """Write the sheets of the lessons in `source`; return them."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copytree(PROJECT / "docs" / "_static" / "katex", target / "katex", dirs_exist_ok=True)
    pages = []
    for path in sorted(source.glob("*.ipynb")):
        for name, with_answers in ((path.stem, False), (f"{path.stem}-answers", True)):
            pages.append(target / f"{name}.html")
            text = page(nbformat.read(path, as_version=4), with_answers)
            pages[-1].write_text(text, encoding="utf-8")
    return pages


def find_browser() -> str | None:
    """Say where a Chromium is, if there is one."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def print_pdf(pages: list[Path]) -> str:
    """Print pages to PDF, if there is a browser; say what was done."""
    browser = find_browser()
    if browser is None:
        return "No Chromium was found: print the pages from any browser."
    for path in pages:
        command = [browser, "--headless", "--no-sandbox", "--no-pdf-header-footer"]
        command += [f"--print-to-pdf={path.with_suffix('.pdf')}", path.resolve().as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    return "Each is there as HTML and as PDF."


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder of the lessons")
    parser.add_argument("target", type=Path, help="folder to write to")
    arguments = parser.parse_args()
    pages = write(arguments.source, arguments.target)
    print(f"{len(pages)} sheets in {arguments.target}. {print_pdf(pages)}")


if __name__ == "__main__":
    main()
