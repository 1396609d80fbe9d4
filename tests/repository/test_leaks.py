"""No solution leaves the repository: not in the package, the wheel, the student edition, the site.

Set NNLAB_SITE to the folder of a site that was built without solutions to have that one searched.
"""

import html
import json
import os
import re
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from building import PROJECT
from site_samples import build_site
from student_edition import lessons, read, write_edition

NBS = PROJECT / "nbs"
REGION = re.compile(r"### BEGIN SOLUTION[ \t]*\n(.*?)\n[ \t]*### END SOLUTION", re.DOTALL)
SHORT = 20  # characters: `return G` and the like are found anywhere


def squeeze(text):
    """Collapse white space, which formats differ in."""
    return " ".join(text.split())


def said_openly():
    """Everything that the lessons and the helpers say outside of solutions."""
    notebooks = sorted(NBS.rglob("*.ipynb"))
    cells = [cell for path in notebooks for cell in read(path).cells]
    return squeeze("\n".join(REGION.sub("", cell.source) for cell in cells))


def solutions():
    """Yield for each exercise its slug and what to look for: lines of its solution."""
    public = said_openly()
    for path in lessons(NBS):
        for cell in read(path).cells:
            if regions := REGION.findall(cell.source):
                lines = {squeeze(line) for region in regions for line in region.splitlines()}
                secret = {line for line in lines if len(line) >= SHORT and line not in public}
                # Where every line is short, their sequence is looked for.
                whole = {squeeze(region) for region in regions}
                yield cell.metadata.nbgrader.grade_id, secret or whole - {""}


SOLUTIONS = dict(solutions())


def searchable(name, content):
    """Turn a file's content into the text that a reader could find in it."""
    text = content.decode("utf-8", errors="replace")
    if name.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        outputs = json.dumps([cell.get("outputs") for cell in cells], ensure_ascii=False)
        text = "\n".join("".join(cell["source"]) for cell in cells) + outputs
    elif name.endswith((".html", ".htm")):
        text = html.unescape(re.sub(r"<[^>]*>", "", text))
    return squeeze(text)


def leaks(files):
    """List (file, slug, line) for each line of a solution in `files`: names to contents."""
    return [
        (name, slug, line)
        for name, content in files.items()
        for text in [searchable(name, content)]
        for slug, lines in SOLUTIONS.items()
        for line in lines
        if line in text
    ]


def files_of(folder):
    """Read every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_solution_has_something_to_look_for():
    assert len(SOLUTIONS) >= 25
    assert all(SOLUTIONS.values()), [slug for slug, lines in SOLUTIONS.items() if not lines]


def test_the_search_finds_what_is_there():
    found = leaks({path.name: path.read_bytes() for path in lessons(NBS)})
    assert {slug for _, slug, _ in found} == set(SOLUTIONS)


@pytest.mark.parametrize("name", ["page.html", "cell.ipynb", "module.py"])
def test_the_search_sees_through_formats(name):
    code = "    # Twice as fast, twice as tall,   and one lower.\n    return 2 * torch.sigmoid(2*x)"
    if name.endswith(".html"):
        code = code.replace("twice", "<span class='c'>twice</span>").replace(",", "&#44;")
    if name.endswith(".ipynb"):
        code = json.dumps({"cells": [{"source": code.splitlines(keepends=True)}]})
    assert {slug for _, slug, _ in leaks({name: code.encode()})} == {"tanh"}


def test_the_package_holds_no_solution():
    assert leaks(files_of(PROJECT / "nnlab_course")) == []


def test_the_student_edition_holds_no_solution(tmp_path):
    write_edition(NBS, tmp_path)
    assert leaks(files_of(tmp_path)) == []


def test_the_wheel_and_the_sdist_hold_no_solution(built):
    with zipfile.ZipFile(built["wheel"]) as archive:
        assert leaks({name: archive.read(name) for name in archive.namelist()}) == []
    assert leaks(unpacked(built["sdist"])) == []


def unpacked(path):
    """Read the files of an sdist."""
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in members}


@pytest.fixture(scope="module")
def without_solutions(request, tmp_path_factory):
    """The site built without solutions: the folder in NNLAB_SITE, or a new one."""
    if "NNLAB_SITE" in os.environ:
        return Path(os.environ["NNLAB_SITE"])
    folder = tmp_path_factory.mktemp("site")
    # The pictures are those of the other site, which has encoded them already.
    shutil.copytree(request.getfixturevalue("site") / "_images", folder / "html" / "_images")
    done = build_site(NBS, folder, SOLUTIONS="0")
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_the_site_without_solutions_holds_none(without_solutions):
    files = files_of(without_solutions)
    pages = {name for name in files if name.endswith(".html")}
    assert {f"{path.stem}.html" for path in lessons(NBS)} <= pages
    assert any(name.endswith(".ipynb") for name in files), "the lessons can't be downloaded"
    assert leaks(files) == []
