"""What a reader can open with one click is the student edition: download, Binder, Colab.

The site carries the notebooks as students get them, in `notebooks/`. Colab opens them from the
branch that holds the published sites; on Binder `binder/postBuild` lays the lessons out, and takes
the sources away.
"""

from pathlib import Path

import nbformat
from sphinx.util import logging

from .notebooks import is_notebook

logger = logging.getLogger(__name__)

PAGES = "gh-pages"  # The branch of the published sites
COLAB = "https://colab.research.google.com/github/{user}/{repo}/blob/{pages}/{folder}/notebooks/{page}.ipynb"
BINDER = "https://mybinder.org/v2/gh/{user}/{repo}/{branch}?urlpath=lab/tree/lessons/{page}.ipynb"


def published_folder(branch: str) -> str:
    """Return the folder of a branch's or a tag's site among the published ones."""
    return branch.removeprefix("v") if branch[:1] == "v" and branch[1:2].isdigit() else "dev"


def launch_addresses(
    user: str,
    repo: str,
    branch: str,  # Or tag
    page: str,  # Of a notebook, "01_activations"
) -> dict[str, str]:  # Name of the service -> address
    """Return where a notebook can be run without installing anything."""
    facts = {"user": user, "repo": repo, "branch": branch, "page": page, "pages": PAGES}
    facts["folder"] = published_folder(branch)
    is_lesson = "/" not in page
    services = {"Binder": BINDER, "Colab": COLAB} if is_lesson else {"Colab": COLAB}
    return {name: address.format(**facts) for name, address in services.items()}


def write_student_edition(app, docname: str) -> None:
    """Write the notebook of a page as students get it."""
    from student_edition import read, student_notebook  # and with it nbgrader, which takes a second

    target = Path(app.outdir, "notebooks", f"{docname}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        nbformat.write(student_notebook(read(app.env.doc2path(docname))), target)
    except RuntimeError as problem:  # which is how nbgrader complains
        logger.warning("no student edition: %s", problem, location=docname)


def offer(app, pagename, templatename, context, doctree):
    """Put download and launch buttons for the student edition on the page of a notebook."""
    groups = context.get("header_buttons", [])
    for group in groups:
        if group["label"] == "download-buttons":
            group["buttons"] = [b for b in group["buttons"] if b["type"] != "link"]
            if is_notebook(app, pagename):
                address = context["pathto"](f"notebooks/{pagename}.ipynb", 1)
                group["buttons"].insert(0, _link("Notebook", address, "fas fa-file", DOWNLOAD))
    if is_notebook(app, pagename):
        branch = app.config.course_branch
        addresses = launch_addresses(*app.config.course_repository, branch, pagename)
        buttons = [
            _link(name, address, f"_static/images/{LOGOS[name]}", f"Launch on {name}")
            for name, address in addresses.items()
        ]
        groups.insert(0, LAUNCH | {"buttons": buttons})


LOGOS = {"Binder": "logo_binder.svg", "Colab": "logo_colab.png"}  # of the theme
DOWNLOAD = "Download the notebook, without outputs and solutions"
LAUNCH = {
    "type": "group",
    "tooltip": "Run it without installing anything",
    "icon": "fas fa-rocket",
    "label": "launch-buttons",
}


def _link(text: str, address: str, icon: str, tooltip: str) -> dict:
    label = "download-source-button" if tooltip == DOWNLOAD else f"launch-{text.lower()}-button"
    return {
        **{"type": "link", "url": address, "text": text},
        **{"tooltip": tooltip, "icon": icon, "label": label},
    }


def setup(app):
    """Register the extension."""
    app.add_config_value("course_repository", ("", ""), "env", types=tuple)
    app.connect("course-notebook-read", write_student_edition)
    app.connect("html-page-context", offer, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
