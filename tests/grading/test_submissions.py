"""Whatever a platform delivers is found: names, archives, folders, encodings, other files."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from grading_samples import GOOD, notebook

from nnlab_course.files import shown
from nnlab_course.grading import Refused, Settings, code_cells, find_submissions, read_submission
from nnlab_course.grading.notebooks import parse_notebook, read_file
from nnlab_course.grading.parts import in_part, listing_of
from nnlab_course.grading.platforms import is_system_file, read_name
from nnlab_course.grading.shown import shown_path
from nnlab_course.grading.submissions import HandedIn

# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "student", "platform", "number", "late"),
    [
        ("Anna Ä_1234567_assignsubmission_file_", "Anna Ä", "Moodle", "1234567", False),
        ("student-07_123_assignsubmission_file", "student-07", "Moodle", "123", False),
        ("Ann_O_77_assignsubmission_file_01.ipynb", "Ann_O", "Moodle", "77", False),
        ("student07_LATE_123_456_01_activations-1.ipynb", "student07", "Canvas", "123", True),
        ("student07_123_456_01_activations.ipynb", "student07", "Canvas", "123", False),
        ("Lab 1_mmuster_attempt_2026-11-20-14-05-33_a.ipynb", "mmuster", "Blackboard", "", False),
        ("anna+01_activations+2026-11-20 14:05:33.123 UTC+abc", "anna", "nbgrader", "", False),
        ("Anna_12_assignsubmission_comments_", "Anna", "Moodle", "12", False),
        ("12-34 - Anna Ä - Nov 20, 2026 205 PM", "Anna Ä", "Brightspace", "", False),
        ("12-34 - Ann O- Nov 2, 2026 1105 AM - a.ipynb", "Ann O", "Brightspace", "", False),
        ("anna_01_activations (1).ipynb", "anna", "", "", False),
        ("Anna Ä - Copy of 02_autograd.ipynb", "Anna Ä", "", "", False),
        ("anna-05_cifar10-Copy1.ipynb", "anna", "", "", False),
        ("01_activations.ipynb", "01_activations", "", "", False),
        ("class_03_anna.ipynb", "class_03_anna", "", "", False),
        ("anna.ipynb", "anna", "", "", False),
        ("anna.ipynb.json", "anna", "", "", False),
        ("anna.ipynb.txt", "anna", "", "", False),
        ("anna.zip", "anna", "", "", False),
        ("week_1_2_anna.ipynb", "week_1_2_anna", "", "", False),
        ("class_2026_001_anna.ipynb", "class_2026_001_anna", "", "", False),
    ],
)
def test_platforms_names_are_understood(name, student, platform, number, late):
    origin = read_name(name)
    found = (origin.student, origin.platform, origin.id, origin.late)
    assert found == (student, platform, number, late)


def test_brightspaces_time_is_read():
    moments = [
        read_name(f"1-2 - A - Nov 20, 2026 {time}").handed_in for time in ("112 AM", "1102 AM")
    ]
    assert moments[1] - moments[0] == (9 * 60 + 50) * 60


@pytest.mark.parametrize(
    "name",
    [
        "Icon\r",
        "ehthumbs.db",
        ".DS_Store",
        "__MACOSX",
        "Thumbs.db",
        "desktop.ini",
        "._a.ipynb",
        "~$a.docx",
        "timestamp.txt",
    ],
)
def test_system_files_are_known(name):
    assert is_system_file(name)
    assert not is_system_file(f"a{name}a")


def write_zip(path, files):
    """Write an archive of names and contents."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def zip_bytes(files):
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return text.getvalue()


def found_in(source, tmp_path):
    """Tell of everything that is found: who, which file, what is wrong."""
    workspace = tmp_path / "unpacked"
    workspace.mkdir(exist_ok=True)
    return [(i.student, Path(i.file).name, i.problem) for i in find_submissions(source, workspace)]


MOODLE = "_1001_assignsubmission_file_"
DOWNLOAD = {
    f"Anna Ä{MOODLE}/01.ipynb": notebook(GOOD),
    "Ben_1002_assignsubmission_file_/all.zip": zip_bytes({"deep/a.ipynb": notebook(GOOD)}),
    "Cara_1003_assignsubmission_onlinetext_/onlinetext.html": "<p>see file",
    "Cara_1003_assignsubmission_file_/a.ipynb.json": notebook(GOOD),
    "Dora_1004_assignsubmission_onlinetext_/onlinetext.html": "<p>I was ill",
    "__MACOSX/x/._a.ipynb": "x",
    ".DS_Store": "x",
}
FROM_MOODLE = [
    ("Anna Ä", "01.ipynb", ""),
    ("Ben", "a.ipynb", ""),
    ("Cara", "a.ipynb.json", ""),
    ("Dora", "Dora_1004_assignsubmission_onlinetext_", "only an online text"),
]


def test_a_download_is_opened_as_it_is(tmp_path):
    archive = write_zip(tmp_path / "Lab 1.zip", DOWNLOAD)
    assert found_in(archive, tmp_path) == FROM_MOODLE


def test_an_archive_of_a_folder_in_a_folder(tmp_path):
    wrapped = {f"Lab 1/{name}": content for name, content in DOWNLOAD.items()}
    write_zip(tmp_path / "in" / "Lab 1.zip", wrapped)
    assert found_in(tmp_path / "in", tmp_path) == FROM_MOODLE


def test_several_downloads_are_one_class(tmp_path):
    first = {f"Anna{MOODLE}/01.ipynb": notebook(GOOD)}
    second = {"Anna_2001_assignsubmission_file_/02.ipynb": notebook(GOOD)}
    write_zip(tmp_path / "in" / "Lesson 1.zip", first)
    write_zip(tmp_path / "in" / "Lesson 2.zip", second)
    assert {student for student, *_ in found_in(tmp_path / "in", tmp_path)} == {"Anna"}


def test_canvas_and_blackboard(tmp_path):
    names = {
        "annaa_LATE_123_456_01-1.ipynb": notebook(GOOD),
        "bennb_124_457_01.ipynb": notebook(GOOD),
        "Lab_cara_attempt_2026-11-20-14-05-33_a.ipynb": notebook(GOOD),
        "Lab_cara_attempt_2026-11-20-14-05-33.txt": "Name: Cara",
        "Lab_dora_attempt_2026-11-20-14-05-33.txt": "Name: Dora",
    }
    archive = write_zip(tmp_path / "gradebook.zip", names)
    note = "only the platform's own note"
    items = {i.student: i for i in find_submissions(archive, _dir(tmp_path))}
    assert {name: item.problem for name, item in items.items()} == {
        "annaa": "",
        "bennb": "",
        "cara": "",
        "dora": note,
    }
    assert [name for name, item in items.items() if item.late] == ["annaa"]
    assert items["annaa"].platform_id == "123"
    assert items["cara"].handed_in > 1.7e9


def _dir(tmp_path):
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


def test_what_is_there_instead_is_named(tmp_path):
    for name in ("report.pdf", "answers.docx"):
        (tmp_path / "in" / "Anna").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "Anna" / name).write_bytes(b"%PDF")
    (tmp_path / "in" / "Ben").mkdir()
    (tmp_path / "in" / "Ben" / "work.rar").write_bytes(b"Rar!")
    (tmp_path / "in" / "Cara").mkdir()
    (tmp_path / "in" / "Cara" / "download").write_text(notebook(GOOD))
    (tmp_path / "in" / "Dora").mkdir()
    (tmp_path / "in" / "Dora" / "a.ipynb.download").write_text(notebook(GOOD))
    assert found_in(tmp_path / "in", tmp_path) == [
        ("Anna", "Anna", "no notebook in this folder; it holds answers.docx, report.pdf"),
        (
            "Ben",
            "work.rar",
            "an archive of a kind that isn't opened; hand in the notebook or a zip",
        ),
        ("Cara", "download", ""),
        ("Dora", "a.ipynb.download", ""),
    ]


# --- hostile folders and archives ------------------------------------------------------------


def test_names_that_lead_out_of_an_archive_stay_in(tmp_path):
    link = zipfile.ZipInfo("Eve/link.ipynb")
    link.external_attr = 0o120777 << 16
    files = {"../escaped.ipynb": "x", "/abs.ipynb": "x", "C:\\x\\a.ipynb": "x"}
    files |= {"Anna/a.ipynb": notebook(GOOD)}
    archive = write_zip(tmp_path / "in" / "class.zip", files)
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "/etc/passwd")
    found = found_in(archive, tmp_path)
    assert ("Anna", "a.ipynb", "") in found
    problems = [problem for _, _, problem in found if problem]
    assert problems.count("its name leads out of the archive") == 3
    assert problems.count("a symbolic link, not followed") == 1
    assert not (tmp_path / "escaped.ipynb").exists()
    assert not Path("/abs.ipynb").exists()


def test_a_bomb_is_one_students_problem(tmp_path):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", bytes(80 * 2**20))
    files = {"Anna.zip": bomb.getvalue(), "Ben.ipynb": notebook(GOOD)}
    found = found_in(write_zip(tmp_path / "class.zip", files), tmp_path)
    assert found[1] == ("Ben", "Ben.ipynb", "")
    assert found[0][2] == "can't be unpacked: larger than 64 MB when unpacked"


def test_an_archive_of_nothing_is_named(tmp_path):
    archive = write_zip(tmp_path / "in" / "Ada.zip", {})
    (tmp_path / "in" / "Ben.ipynb").write_text(notebook(GOOD))
    (tmp_path / "unpacked").mkdir()
    item, _ = find_submissions(archive.parent, tmp_path / "unpacked")
    assert (item.problem, item.label) == ("no notebook in this folder", str(archive))


@pytest.mark.parametrize("content", [b"PK\x03\x04 torn", b"", b"no zip at all"])
def test_a_damaged_archive_is_one_students_problem(tmp_path, content):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Anna.zip").write_bytes(content)
    (tmp_path / "in" / "Ben.ipynb").write_text(notebook(GOOD))
    found = found_in(tmp_path / "in", tmp_path)
    assert found[0][2].startswith("a damaged zip archive")
    assert found[1] == ("Ben", "Ben.ipynb", "")


def test_deep_folders_are_one_students_problem(tmp_path):
    deep = "d/" * 1200 + "a.ipynb"
    files = {f"Anna/{deep}": "x", "Ben/a.ipynb": notebook(GOOD)}
    found = found_in(write_zip(tmp_path / "class.zip", files), tmp_path)
    assert ("Ben", "a.ipynb", "") in found
    assert "folders nested deeper than 20" in {problem for _, _, problem in found}
    place = tmp_path / "in" / "Cara"
    place.mkdir(parents=True)
    handle = os.open(place, os.O_RDONLY)
    for _ in range(1200):  # each below the one before: no path is that long
        os.mkdir("d", dir_fd=handle)
        inner = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = inner
    os.close(handle)
    (place / "a.ipynb").write_text(notebook(GOOD))
    try:
        problems = {name: problem for _, name, problem in found_in(tmp_path / "in", tmp_path)}
    finally:  # pytest can't remove what is so deep
        subprocess.run(["rm", "-rf", place / "d"], check=True)
    assert problems == {"a.ipynb": "", "d": "folders nested deeper than 20, not looked into"}


UNREADABLE = """
import os, sys
from pathlib import Path
from nnlab_course.grading import Settings, find_submissions, read_submission
read_submission(next(iter(find_submissions(Path(sys.argv[2])))), Settings())  # imports all
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
for item in find_submissions(Path(sys.argv[1])):
    print(item.student, "|", Path(item.file).name, "|", read_submission(item, Settings()).problem)
"""


def test_what_may_not_be_read_is_one_students_problem(tmp_path):
    for name in ("locked", "listed", "half/locked"):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "a.ipynb").write_text(notebook(GOOD))
    (tmp_path / "in" / "half" / "b.ipynb").write_text(notebook(GOOD))
    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "a.ipynb").write_text(notebook(GOOD))
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder.parent != folder:
            folder.chmod(folder.stat().st_mode | 0o755)
    (tmp_path / "in" / "locked").chmod(0)
    (tmp_path / "in" / "half" / "locked").chmod(0)
    (tmp_path / "in" / "listed").chmod(0o444)
    done = subprocess.run(
        [sys.executable, "-c", UNREADABLE, tmp_path / "in", tmp_path / "before"],
        capture_output=True,
        text=True,
    )
    for name in ("locked", "half/locked", "listed"):
        (tmp_path / "in" / name).chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "half | b.ipynb | ",
        "half | locked | can't be read: Permission denied",
        "listed | a.ipynb | can't be read: Permission denied",
        "locked | locked | can't be read: Permission denied",
    ]


def test_no_more_than_twenty_notebooks_of_one_student(tmp_path):
    (tmp_path / "in" / "Anna").mkdir(parents=True)
    for number in range(30):
        (tmp_path / "in" / "Anna" / f"{number:02}.ipynb").write_text("{}")
    found = found_in(tmp_path / "in", tmp_path)
    assert len(found) == 21
    assert found[-1][2] == "more than 20 notebooks; the others were not looked at"


def test_names_that_are_shown_alike_stay_two_students(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    names = [os.fsdecode(b"caf\xe9"), "caf\\xe9", "a\u202eb", "a\\u202eb"]
    for name in names:
        (folder / f"{name}.ipynb").write_text(notebook(GOOD))
    students = [item.student for item in find_submissions(folder)]
    assert len(set(students)) == 4
    assert all(student.isprintable() for student in students)


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "a\rb", "\x9b31m", "a\nb", "\u2066x"])
def test_no_control_character_reaches_a_terminal(text):
    assert shown(text).isprintable()
    assert shown("Zoë 学生 👩‍👧") == "Zoë 学生 👩‍👧"
    assert shown_path(Path("a\x1b")) == "a\\x1b"


# --- what is in a file ------------------------------------------------------------------------


def refusal(content):
    with pytest.raises(Refused) as raised:
        code_cells(content)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", ", the file is empty"),
        (b"PK\x03\x04\x14\x00", ", but a zip archive or an office document"),
        (b"%PDF-1.7", ", but a PDF"),
        (b"\x89PNG\r\n", ", but a picture"),
        (b"\x1f\x8b\x08", ", but a compressed file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            ", but a pointer of Git LFS, without the file itself",
        ),
        (b"import torch\nmy_limit = 4.58\n", ", but a Python script"),
        (b"I worked on paper", ", but begins with 'i worked on paper'"),
        (
            b"<!DOCTYPE html>\n<html>",
            ", but a web page; download the notebook itself, not the page that shows it",
        ),
        (
            b"\xef\xbb\xbf\n <html lang='de'>",
            ", but a web page; download the notebook itself, not the page that shows it",
        ),
        (notebook(GOOD).encode()[:300], ": the file is cut short in line 1"),
        (b'{"cells": [\n{"a" 1}]}', ": line 2 can't be read (Expecting ':' delimiter)"),
        (b"[" * 100_000, ": it is nested too deeply"),
        (b'{"cells": [\n<<<<<<< HEAD\n"a"\n=======\n', ": unresolved git conflict at line 2"),
    ],
)
def test_says_what_a_file_is(content, kind):
    assert refusal(content) == f"not a notebook: it isn't JSON{kind}"


def test_a_conflict_is_told_and_one_side_is_read():
    lines = json.dumps(json.loads(notebook(("a = 1", "b = 2"))), indent=1).splitlines()
    at = next(n for n, line in enumerate(lines) if '"b = 2"' in line)
    theirs = lines[at].replace("b = 2", "b = 3")
    lines[at : at + 1] = ["<<<<<<< HEAD", lines[at], "=======", theirs, ">>>>>>> theirs"]
    read = parse_notebook("\n".join(lines).encode())
    assert read.cells == ("a = 1", "b = 2")
    assert read.notes == (f"unresolved git conflict at line {at + 1}; marked with its first side",)


@pytest.mark.parametrize(
    ("begin", "middle", "end"),
    [
        ("<<<<<<< HEAD", "=======", ">>>>>>> theirs"),
        ("`<<<<<<< HEAD`", "`=======`", "`>>>>>>> 1a2b`"),
        *[
            [
                f'<span style="color:red">**{m}**</span>'
                for m in ("<<<<<<< l", "=======", ">>>>>>> r")
            ]
        ],
    ],
)
def test_a_conflict_among_cells_is_told_and_one_side_is_read(begin, middle, end):
    texts = [("markdown", text) for text in ("# A\n=======", begin, middle, end, "=======")]
    cells = [texts[0], texts[1], "a = 1", texts[2], "a = 2", texts[3], "b = 3", texts[4]]
    read = parse_notebook(notebook(cells).encode())
    assert read.cells == ("a = 1", "b = 3")
    assert read.texts == ("# A\n=======", "=======")
    assert read.notes == ("unresolved git conflict among its cells; marked with its first side",)
    assert parse_notebook(notebook(cells[:5]).encode()).cells == ("a = 1", "a = 2")


@pytest.mark.parametrize("rest", ["\0", "\n}", ' "cells": []}', "{}"])
def test_what_follows_after_the_end_is_left_out(rest):
    read = parse_notebook((notebook(GOOD) + rest).encode())
    assert (read.cells, len(read.notes)) == (GOOD, 1)


def test_a_shortcut_of_google_drive_is_told():
    assert "a shortcut to a file on Google Drive" in refusal(b'{"url": "https://x", "doc_id": "y"}')


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_any_encoding_of_an_editor_is_read(encoding):
    text = notebook(("größe = 1",))
    text = text.replace("\\u00f6", "ö").replace("\\u00df", "ß").replace("\n", "\r\n")
    assert code_cells(text.encode(encoding)) == ["größe = 1"]


@pytest.mark.parametrize("version", [2, 3])
def test_old_formats_are_converted(version):
    module = nbformat.versions[version]
    cells = [module.new_code_cell(input=cell) for cell in GOOD]
    old = module.new_notebook(worksheets=[module.new_worksheet(cells=cells)])
    read = parse_notebook(json.dumps(old).encode())
    assert read.cells == GOOD
    assert read.notes == ("converted from an old notebook format",)


def test_another_lesson_is_told(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text(notebook(GOOD))
    read = read_submission(HandedIn("a", path), Settings(lesson="autograd"))
    assert read.lesson == "autograd"
    assert read.notes == ("this looks like lesson activations, and was marked as autograd",)
    assert read_submission(HandedIn("a", path), Settings(lesson="activations")).notes == ()


# --- parts -----------------------------------------------------------------------------------


def test_a_part_is_chosen_by_the_students_name():
    everybody = [HandedIn(f"student-{n}", Path(f"{n}.ipynb")) for n in range(50)]
    parts = [in_part(everybody, (part, 3)) for part in (1, 2, 3)]
    assert sorted(i.student for part in parts for i in part) == sorted(i.student for i in everybody)
    assert all(parts)
    newcomer = HandedIn("aaa", Path("aaa.ipynb"))
    again = [in_part([newcomer, *everybody], (part, 3)) for part in (1, 2, 3)]
    assert [[i for i in part if i is not newcomer] for part in again] == parts
    assert listing_of(everybody) == listing_of(everybody[::-1])
    assert listing_of(everybody) != listing_of([newcomer, *everybody])


def test_a_link_that_takes_the_place_of_a_file_is_not_followed(tmp_path):
    """The folder was listed before; what is opened now is something else."""
    private, link = tmp_path / "private", tmp_path / "link"
    private.write_text("private")
    link.symlink_to(private)
    assert read_file(private) == b"private"
    with pytest.raises(Refused, match="can't be read: Too many levels of symbolic links"):
        read_file(link)
