"""Sphinx extension: show nbdev's notebooks as a reader wants them.

Cells marked `#| hide` are dropped, and the directive lines of the others (`#| export` and the
like) are cut. It happens in memory, as a page is read; the notebooks stay as they are.
"""

import json
import re

DIRECTIVE = re.compile(r"^#\|.*\n?", re.MULTILINE)
HIDDEN = re.compile(r"^#\|\s*(hide|default_exp)\b", re.MULTILINE)


def simplify(app, docname, source):
    """Cut nbdev's directives from the notebook in `source[0]`."""
    if not str(app.env.doc2path(docname)).endswith(".ipynb"):
        return
    notebook = json.loads(source[0])
    cells = []
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            if HIDDEN.search(text):
                continue
            cell["source"] = DIRECTIVE.sub("", text).strip("\n")
        cells.append(cell)
    notebook["cells"] = cells
    source[0] = json.dumps(notebook)


def setup(app):
    """Register the extension."""
    app.connect("source-read", simplify)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
