"""Look at the finished site: every link inside it leads somewhere, every picture has words."""

import posixpath
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)


@dataclass
class Page:
    """What a page offers to links, what it links to, and the pictures without a description."""

    anchors: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    bare_pictures: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collects anchors, links and pictures from the tags of a page."""

    def __init__(self):
        super().__init__()
        self.page = Page()

    def handle_starttag(self, tag, attrs):
        """Note what a tag says; an attribute without a value is None."""
        values = dict(attrs)
        self.page.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        self.page.links |= {values[key] for key in ("href", "src") if values.get(key)}
        # What decorates the frame, such as the logo, may be passed over in silence.
        decorates = "/_static/" in f"/{values.get('src', '')}" and "alt" in values
        if tag == "img" and not ((values.get("alt") or "").strip() or decorates):
            self.page.bare_pictures.append(values.get("src", ""))


def read_page(text: str) -> Page:
    """Collect anchors, links and pictures from the tags of a page."""
    reader = _Reader()
    reader.feed(text)
    return reader.page


def problems(
    site: Path,  # Its folder
) -> list[tuple[str, str]]:  # Page, relative to the site, and what is wrong with it
    """Find what a reader would stumble over."""
    pages = {
        path.relative_to(site).as_posix(): read_page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    found = []
    for name, page in pages.items():
        found += [(name, f"a picture without a description: {src}") for src in page.bare_pictures]
        for link in sorted(page.links):
            if problem := _follow(site, pages, name, link):
                found.append((name, f"{problem}: {link}"))
    return found


def _follow(site: Path, pages: dict[str, Page], page: str, link: str) -> str:
    """Say what is wrong with a link of a page, or nothing."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    path = posixpath.join(posixpath.dirname(page), unquote(parts.path)) if parts.path else page
    name = posixpath.normpath(path)
    if name == "../versions.html":
        return ""  # which publish.py writes
    if name.startswith(("../", "/")):
        return "a link out of the site"
    if name not in pages and not (site / name).is_file():
        return "a link to nothing"
    if parts.fragment and name in pages and unquote(parts.fragment) not in pages[name].anchors:
        return "a link to a place that is not on its page"
    return ""


def check(app, error):
    """Warn of every problem; `-W` makes it an error."""
    if not error:
        for page, problem in problems(Path(app.outdir)):
            logger.warning("%s", problem, location=page)


def setup(app):
    """Register the extension, to be the last at the build's end."""
    app.connect("build-finished", check, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
