"""The site builds from the stored outputs, without a warning, and shows what readers want."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
LESSONS = sorted(path.stem for path in (PROJECT / "nbs").glob("*.ipynb"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site into a temporary folder; any warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going"]
    command += ["-c", PROJECT / "docs", "-d", folder / "doctrees", PROJECT / "nbs", folder / "html"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_is_a_page_with_its_pictures_and_no_directives(site, lesson):
    html = (site / f"{lesson}.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="(_images/[^"]+\.png)"', html)
    assert len(pictures) >= 5
    assert all((site / picture).stat().st_size > 1000 for picture in pictures)
    assert "#|" not in re.sub(r"<[^>]+>", "", html)
    assert "default_exp" not in html
    assert 'href="index.html' in html


def test_the_first_page_links_every_lesson(site):
    html = (site / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{lesson}.html"' in html for lesson in LESSONS)
