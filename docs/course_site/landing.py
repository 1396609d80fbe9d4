"""Share facts with the README: its sections, and a card for each row of its table of lessons.

A page asks for them by comments: `<!-- README: Run it -->`, `<!-- cards of the lessons -->`, and
in a toctree `<!-- list of the lessons -->`.
"""

import html
import re
from dataclasses import dataclass
from pathlib import Path

from sphinx.util import logging

from . import images
from .notebooks import load

logger = logging.getLogger(__name__)

SECTION = re.compile(r"<!-- README: (.+?) -->")
CARDS, LIST = "<!-- cards of the lessons -->", "<!-- list of the lessons -->"
ROW = re.compile(r"^\| \[(\d) (.+?)\]\(https:\S+/(\w+)\.html\) \| (.+?) \|", re.M)
LINK = re.compile(r"\]\((?!https?:|#)([^)]+)\)")


@dataclass(frozen=True)
class Lesson:
    """A row of the README's table of lessons."""

    number: str
    title: str
    docname: str
    question: str


def sections(
    text: str,  # Of the README
) -> dict[str, str]:
    """Split Markdown at its second-level headings; what comes first is its introduction."""
    parts = re.split(r"^## (.+)\n", re.sub(r"^# .+\n", "", text), flags=re.M)
    found = dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))
    return found | {"introduction": parts[0].strip().split("\n\n")[0]}


def readme_section(app, name: str) -> str:
    """Return a section of the README, its links changed for the site."""
    parts = sections(Path(app.config.course_readme).read_text(encoding="utf-8"))
    if name not in parts:
        raise ValueError(f"the README has no section {name!r}; it has {list(parts)}")
    repository = app.config.html_theme_options["repository_url"]
    repository += f"/blob/{app.config.course_branch}"

    def move(link: re.Match) -> str:
        page = re.fullmatch(r"nbs/(.+\.ipynb)", link[1])
        return f"](/{page[1]})" if page else f"]({repository}/{link[1]})"

    return LINK.sub(move, parts[name])


def lessons(app) -> list[Lesson]:
    """Read the README's table of lessons."""
    rows = ROW.findall(Path(app.config.course_readme).read_text(encoding="utf-8"))
    return [Lesson(*row) for row in rows]


def cover(
    app, lesson: Lesson
) -> tuple[images.Picture, str]:  # What a lesson is known by, and the words for it
    """Find the picture of a lesson's cell that is tagged `cover`.

    **Raises:** `ValueError` if there isn't just one such cell.
    """
    path = Path(app.srcdir, f"{lesson.docname}.ipynb")
    covers = [c for c in load(path)["cells"] if "cover" in c["metadata"].get("tags", [])]
    covers_shown = [o for c in covers for o in c["outputs"] if "image/png" in o.get("data", {})]
    if len(covers) != 1 or not covers_shown:
        raise ValueError(f"{path.name} needs one cell with a picture and the tag cover")
    picture = images.store(covers_shown[0], Path(app.outdir))
    return picture, covers[0]["metadata"]["alt"]


def _card(app, lesson: Lesson) -> str:
    """Write a lesson's card."""
    picture, alt = cover(app, lesson)
    tag = picture.tag(alt, root="")
    return (
        f'<li><a class="course-card" href="{lesson.docname}.html">{tag}'
        f"<strong>{lesson.number} · {html.escape(lesson.title)}</strong>"
        f"<span>{html.escape(lesson.question)}</span></a></li>"
    )


def fill(app, docname, source):
    """Replace the comments of a page by what they ask for."""
    if not any(mark in source[0] for mark in (CARDS, LIST, "<!-- README:")):
        return
    app.env.note_dependency(app.config.course_readme, docname=docname)
    rows = lessons(app)
    for lesson in rows:
        app.env.note_dependency(app.env.doc2path(lesson.docname), docname=docname)
    text = "\n".join(f"{lesson.number} · {lesson.title} <{lesson.docname}>" for lesson in rows)
    source[0] = source[0].replace(LIST, text)
    try:
        source[0] = SECTION.sub(lambda match: readme_section(app, match[1]), source[0])
        cards = "\n".join(_card(app, lesson) for lesson in rows)
        source[0] = source[0].replace(CARDS, f'<ul class="course-cards">\n{cards}\n</ul>')
    except ValueError as error:
        logger.warning("%s", error, location=docname)


def setup(app):
    """Register the extension."""
    app.add_config_value("course_readme", "", "env", types=str)
    app.add_config_value("course_branch", "main", "env", types=str)
    app.connect("source-read", fill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
