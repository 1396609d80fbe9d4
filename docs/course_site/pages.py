"""What stands around a page's text: description, picture, last change, version."""

import html
import subprocess
from datetime import date
from pathlib import Path

from docutils import nodes


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


def read_last_changes(app):
    """Look the changes up once for all pages."""
    app.course_changes = last_changes(Path(app.config.course_project), "nbs")


def describe(app, pagename, templatename, context, doctree):
    """Add to a page its description, and the day of its last change."""
    if doctree is None:
        return
    first = next(doctree.findall(nodes.paragraph), None)
    if first is not None:
        text = html.escape(" ".join(first.astext().split())[:200])
        context["metatags"] += f'\n<meta name="description" content="{text}">'
    source = app.env.doc2path(pagename).relative_to(app.srcdir).as_posix()
    context["course_root"] = context["pathto"]("", 1)
    if source in app.course_changes:
        day = date.fromisoformat(app.course_changes[source])
        context["last_updated"] = f"{day.day} {day:%B %Y}"


def trim_templates(app):
    """Write the templates' lines without the blanks that their logic leaves."""
    environment = app.builder.templates.environment
    environment.trim_blocks = environment.lstrip_blocks = True


def setup(app):
    """Register the extension."""
    app.add_config_value("course_project", "", "", types=str)
    app.connect("builder-inited", read_last_changes)
    app.connect("builder-inited", trim_templates)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
