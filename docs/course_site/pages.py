"""What stands around a page's text: description, picture, side bar, last change, version."""

import html
import re
import subprocess
from contextlib import suppress
from datetime import date
from pathlib import Path

from docutils import nodes

from .landing import cover, lessons


def last_changes(
    project: Path,
    folder: str,  # Where the pages' sources are, below the project
) -> dict[str, str]:  # Source, relative to the folder, to the day of its last commit, 2026-01-31
    """Ask git when each page was changed; outside a git repository nothing is known."""
    command = ["git", "log", "--format=%x00%cs", "--name-only", "--relative", "--", "."]
    try:
        done = subprocess.run(
            command, cwd=project / folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    changes = {}
    for commit in done.stdout.split("\0")[1:]:
        day, *names = filter(None, commit.splitlines())
        changes = dict.fromkeys(names, day) | changes  # the first one met is the newest
    return changes


def look_up(app):
    """Look up once for all pages what git and the lessons know."""
    app.course_changes = last_changes(Path(app.config.course_project), "nbs")
    app.course_covers = {}
    for lesson in lessons(app):
        if Path(app.srcdir, f"{lesson.docname}.ipynb").exists():
            with suppress(ValueError):  # of which the first page warns, which shows the cover
                app.course_covers[lesson.docname], _ = cover(app, lesson)


PREVIEW = """
<meta property="og:title" content="{title}">
<meta property="og:description" content="{text}">
<meta property="og:type" content="article">
<meta property="og:url" content="{site}{page}.html">
<meta property="og:image" content="{site}_images/{picture}">
<meta name="twitter:card" content="summary_large_image">"""
FOLDED = re.compile(
    r'<p [^>]*class="caption"[^>]*><span class="caption-text">(Behind the lessons)</span></p>'
    r"\s*(<ul.*?</ul>)",
    re.S,
)


def fold_group(side_bar: str) -> str:
    """Fold the group of the side bar that few look for, unless the reader is in it."""

    def fold(group: re.Match) -> str:
        opened = " open" if 'class="current' in group[2] else ""
        return f"<details{opened}><summary>{group[1]}</summary>{group[2]}</details>"

    return FOLDED.sub(fold, side_bar)


def describe(app, pagename, templatename, context, doctree):
    """Add to a page its description, and the day of its last change."""
    side_bar = context["generate_toctree_html"]
    context["generate_toctree_html"] = lambda *args, **kwargs: fold_group(
        str(side_bar(*args, **kwargs))
    )
    if doctree is None:
        return
    first = next(doctree.findall(nodes.paragraph), None)
    text = " ".join(first.astext().split())[:200] if first is not None else ""
    if text:
        context["metatags"] += f'\n<meta name="description" content="{html.escape(text)}">'
    covers = app.course_covers
    if picture := covers.get(pagename) or next(iter(covers.values()), None):
        facts = {"title": context["title"], "text": text, "page": pagename}
        facts |= {"site": app.config.course_address, "picture": picture.name}
        escaped = {name: html.escape(fact) for name, fact in facts.items()}
        context["metatags"] += PREVIEW.format(**escaped)
    source = app.env.doc2path(pagename).relative_to(app.srcdir).as_posix()
    context["course_root"] = context["pathto"]("", 1)
    if source in app.course_changes:
        day = date.fromisoformat(app.course_changes[source])
        context["last_updated"] = f"{day.day} {day:%B %Y}"


def drop_maps(app, error):
    """Leave out what only the theme's authors need, to find a place in their sources: 3.5 MB."""
    for path in Path(app.outdir, "_static").rglob("*.map"):
        path.unlink()


def trim_templates(app):
    """Write the templates' lines without the blanks that their logic leaves."""
    environment = app.builder.templates.environment
    environment.trim_blocks = environment.lstrip_blocks = True


def setup(app):
    """Register the extension."""
    app.add_config_value("course_project", "", "", types=str)
    app.add_config_value("course_address", "", "env", types=str)
    app.connect("builder-inited", look_up)
    app.connect("builder-inited", trim_templates)
    app.connect("build-finished", drop_maps)
    app.connect("html-page-context", describe, priority=900)  # when the theme has made the side bar
    return {"parallel_read_safe": True, "parallel_write_safe": True}
