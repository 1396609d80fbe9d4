"""Put a built site beside the others: python docs/publish.py SITE PAGES NAME.

PAGES is what the code host serves. Each site is a folder of it: a release by its number, the state
of the main branch as `dev`. `index.html` leads to the newest release, `versions.html` lists all.
"""

import shutil
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>nnlab-course</title>
<meta name="viewport" content="width=device-width, initial-scale=1">{head}</head>
<body style="font-family: system-ui, sans-serif; margin: 3rem auto; max-width: 40rem">
<h1>nnlab-course</h1>
{body}
</body>
</html>
"""


def releases(
    pages: Path,  # The folder of the sites
) -> list[str]:  # Newest first
    """List the releases that are published."""
    found = []
    for path in pages.iterdir():
        try:
            found.append((Version(path.name), path.name))
        except InvalidVersion:  # `dev` and files
            continue
    return [name for _, name in sorted(found, reverse=True)]


def publish(
    site: Path,  # A built site
    pages: Path,  # Made if it isn't there
    name: str,  # "1.2.3" or "dev"; a site of that name is replaced
) -> None:
    """Copy a site to the others, and renew the page that leads to the newest and the list of all.

    **Raises:** `ValueError` if the name is neither a version nor `dev`, or the site has no first
    page.
    """
    if name != "dev":
        Version(name)  # raises InvalidVersion, a ValueError
    if not (site / "index.html").is_file():
        raise ValueError(f"{site} has no index.html; build the site first: make docs")
    shutil.rmtree(pages / name, ignore_errors=True)
    shutil.copytree(site, pages / name, ignore=shutil.ignore_patterns(".doctrees", ".buildinfo"))
    (pages / ".nojekyll").touch()  # the host must not leave out what begins with _
    names = releases(pages)
    newest = names[0] if names else "dev"
    names += ["dev"] if (pages / "dev").is_dir() else []
    links = "\n".join(f'<li><a href="{name}/index.html">{name}</a></li>' for name in names)
    leads = f'<p>To the <a href="{newest}/index.html">newest release</a>.</p>'
    jump = f'<meta http-equiv="refresh" content="0; url={newest}/index.html">'
    (pages / "index.html").write_text(PAGE.format(head=jump, body=leads), encoding="utf-8")
    body = f"<p>Every release of the course:</p>\n<ul>\n{links}\n</ul>"
    (pages / "versions.html").write_text(PAGE.format(head="", body=body), encoding="utf-8")


if __name__ == "__main__":
    publish(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
