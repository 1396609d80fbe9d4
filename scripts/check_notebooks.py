"""Refuse notebooks that would be exported or published wrong, by name, before anything is written.

python scripts/check_notebooks.py nbs
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# What a merge leaves: in the text of the file, or, if the tool knows notebooks, as cells.
CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.M)


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with a notebook."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        notebook = json.loads(text)
    except ValueError as error:
        conflict = CONFLICT.search(text)
        line = text.count("\n", 0, conflict.start()) + 1 if conflict else 0
        yield f"an unresolved conflict in line {line}" if conflict else f"it isn't JSON: {error}"
        return
    if "widgets" in notebook["metadata"]:
        yield "it stores widgets; run make outputs, or delete metadata.widgets"
    ids = [cell.get("id") for cell in notebook["cells"]]
    for number, cell in enumerate(notebook["cells"], 1):
        source = "".join(cell["source"])
        where = f"cell {number} ({source[:30]!r})"
        if CONFLICT.search(source):
            yield f"{where} holds the marks of an unresolved merge; choose a side"
        if "\r" in source:
            yield f"{where} has the line ends of Windows; save it with \\n"
        if not cell.get("id"):
            yield f"{where} has no id; open and save the notebook in JupyterLab"
        elif ids.count(cell["id"]) > 1:
            yield f"{where} has an id that another cell has as well: {cell['id']}"


def main(folder: Path) -> int:
    """Print the problems of all notebooks below a folder; return 1 if there are any."""
    paths = [p for p in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in p.parts]
    found = [f"{path}: {problem}" for path in paths for problem in problems(path)]
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
