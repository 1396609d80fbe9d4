"""The student edition: made without solutions, laid out without touching anybody's work."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from IPython.core.interactiveshell import InteractiveShell
from student_edition import read, student_notebook, worked_solutions, write_edition, write_solutions

from nnlab_course.cli import main
from nnlab_course.student_folder import lay_out, packaged_lessons

PROJECT = Path(__file__).parents[2]
NBS = PROJECT / "nbs"
LESSONS = sorted(path.name for path in NBS.glob("*.ipynb"))


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    """The student edition of the lessons, as it is in the wheel."""
    folder = tmp_path_factory.mktemp("edition")
    write_edition(NBS, folder)
    return folder


def marked(nb, kind):
    """The cells that nbgrader knows as `kind`, by their id."""
    cells = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get(kind)]
    return {cell.metadata.nbgrader.grade_id: cell for cell in cells}


# --- making it ----------------------------------------------------------------------------------


def test_the_edition_is_the_five_lessons(edition):
    assert sorted(path.name for path in edition.iterdir()) == LESSONS


@pytest.mark.parametrize("name", LESSONS)
class TestLesson:
    def test_has_no_outputs_no_directives_and_no_markers(self, edition, name):
        nb = read(edition / name)
        nbformat.validate(nb)
        for cell in nb.cells:
            assert cell.source.strip()
            if cell.cell_type == "code":
                assert cell.outputs == []
                assert cell.execution_count is None
            for word in ("#|", "BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", ".grade("):
                assert word not in cell.source

    def test_folds_plumbing_and_names_tasks(self, edition, name):
        cells = read(edition / name).cells
        hidden = [c.source for c in cells if c.metadata.get("jupyter", {}).get("source_hidden")]
        assert [source for source in hidden if "import torch" in source]
        assert not [source for source in hidden if "exercises." in source]
        tasks = [cell for cell in cells if cell.source.startswith("### Exercise ")]
        numbers = [cell.source.split()[2].replace(".", "-") for cell in tasks]
        assert [cell.id for cell in tasks] == [f"exercise-{number}" for number in numbers]

    def test_keeps_the_text_and_the_order_of_the_lesson(self, edition, name):
        texts = [
            [cell.source for cell in read(folder / name).cells if cell.cell_type == "markdown"]
            for folder in (NBS, edition)
        ]
        assert texts[0] == texts[1]

    def test_answers_are_open_and_checks_are_locked(self, edition, name):
        source, made = read(NBS / name), read(edition / name)
        for kind in ("solution", "grade"):
            assert marked(source, kind).keys() == marked(made, kind).keys()
        for cell in marked(made, "solution").values():
            assert "...  # your answer" in cell.source
            assert cell.metadata.deletable is False
            assert "editable" not in cell.metadata
            compile(cell.source, name, "exec")
        for cell in marked(made, "grade").values():
            assert cell.metadata.editable is False

    def test_is_made_the_same_each_time(self, edition, name):
        again = student_notebook(read(NBS / name))
        assert nbformat.writes(again) == nbformat.writes(read(edition / name))


def test_a_solution_outside_an_answer_cell_is_refused():
    nb = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1\n### END SOLUTION")]
    )
    with pytest.raises(RuntimeError, match="non-solution cell"):
        student_notebook(nb)


def test_solutions_for_publishing(tmp_path):
    write_solutions(NBS, tmp_path / "new" / "solutions.json")
    found = json.loads((tmp_path / "new" / "solutions.json").read_text(encoding="utf-8"))
    assert found["bias"].startswith("def bias_gradient(G):\n    return G.sum(dim=0)")
    assert not any("SOLUTION" in code for code in found.values())
    for name in LESSONS:
        for code in worked_solutions(read(NBS / name)).values():
            compile(code, name, "exec")


def test_a_folder_without_lessons_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebooks in"):
        write_edition(tmp_path, tmp_path / "target")


# The notebooks' check runs every lesson with its worked solutions. That it also runs with nothing
# answered follows from two things: no cell of the lesson uses what an answer defines, and the cells
# of the exercises run with their stubs.


def parse(cell):
    """Parse a cell; what only IPython understands stands for nothing."""
    return ast.parse(re.sub(r"^( *)[%!].*", r"\1pass", cell.source, flags=re.M))


def names(cell, context):
    """Return the names that a cell loads, or stores."""
    nodes = [n for n in ast.walk(parse(cell)) if isinstance(n, ast.Name)]
    defined = [n.name for n in parse(cell).body if hasattr(n, "name") and context is ast.Store]
    return {n.id for n in nodes if isinstance(n.ctx, context)} | set(defined)


def is_of_an_exercise(cell):
    return "nbgrader" in cell.metadata or cell.source.startswith("exercises.")


@pytest.mark.parametrize("name", LESSONS)
def test_no_cell_of_the_lesson_uses_an_answer(name):
    nb = read(NBS / name)
    answers, lesson = set(), set()
    for cell in (cell for cell in nb.cells if cell.cell_type == "code"):
        if cell.metadata.get("nbgrader", {}).get("solution"):
            answers |= names(cell, ast.Store) - lesson
        elif not is_of_an_exercise(cell):
            lesson |= names(cell, ast.Store)
            answers -= lesson
            assert not names(cell, ast.Load) & answers, cell.source
    assert answers


@pytest.mark.parametrize("name", LESSONS)
def test_nothing_answered_is_told_and_breaks_nothing(edition, tmp_path, monkeypatch, name):
    monkeypatch.setenv("NNLAB_OFFLINE", "1")
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # where the progress is kept
    nb = read(edition / name)
    shell, outputs = InteractiveShell(), {}
    for cell in (cell for cell in nb.cells if cell.cell_type == "code"):
        if is_of_an_exercise(cell):
            result = shell.run_cell(cell.source)
            assert result.success, cell.source
            outputs[cell.metadata.get("nbgrader", {}).get("grade_id", cell.source)] = result.result
        else:
            kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
            needed = [node for node in parse(cell).body if isinstance(node, kinds)]
            shell.run_cell(ast.unparse(ast.Module(needed, [])))
    checks = marked(nb, "grade")
    for grade_id in checks:
        assert repr(outputs[grade_id]).startswith("…"), grade_id
    text = repr(outputs["exercises.progress()"])
    assert text.startswith(f"0 of {len(checks)} right, 0 of ")


# --- laying it out ------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path):
    """A package with two lessons in their first edition."""
    folder = tmp_path / "package"
    folder.mkdir()
    renew(folder, "first")
    return folder


def renew(package, edition):
    for name in ("01_a.ipynb", "02_b.ipynb"):
        (package / name).write_text(f"{edition} edition")


def actions(package, folder):
    return [(laid.action, laid.path.name) for laid in lay_out(package, folder)]


def contents(folder):
    return {path.name: path.read_text() for path in folder.glob("*.ipynb")}


def test_a_new_folder_gets_the_lessons(package, tmp_path):
    folder = tmp_path / "a b" / "c'é"
    assert actions(package, folder) == [("new", "01_a.ipynb"), ("new", "02_b.ipynb")]
    assert contents(folder) == contents(package)
    assert actions(package, folder) == [("unchanged", "01_a.ipynb"), ("unchanged", "02_b.ipynb")]
    assert {path.name for path in folder.iterdir()} == {*contents(package), ".nnlab-lessons.json"}


def test_untouched_lessons_are_renewed_and_changed_ones_are_kept(package, tmp_path):
    folder = tmp_path / "mine"
    lay_out(package, folder)
    (folder / "02_b.ipynb").write_text("my work")
    assert actions(package, folder) == [("unchanged", "01_a.ipynb"), ("kept", "02_b.ipynb")]
    renew(package, "second")
    assert actions(package, folder) == [("updated", "01_a.ipynb"), ("beside", "02_b.new.ipynb")]
    assert contents(folder) == {
        "01_a.ipynb": "second edition",
        "02_b.ipynb": "my work",
        "02_b.new.ipynb": "second edition",
    }
    assert actions(package, folder) == [("unchanged", "01_a.ipynb"), ("beside", "02_b.new.ipynb")]


def test_the_file_beside_is_somebodys_work_once_it_is_changed(package, tmp_path):
    folder = tmp_path / "mine"
    lay_out(package, folder)
    (folder / "02_b.ipynb").write_text("my work")
    renew(package, "second")
    lay_out(package, folder)
    (folder / "02_b.new.ipynb").write_text("my work on the second")
    assert actions(package, folder)[1] == ("kept", "02_b.new.ipynb")
    renew(package, "third")
    assert actions(package, folder)[1] == ("beside", "02_b.new2.ipynb")
    renew(package, "fourth")
    assert actions(package, folder)[1] == ("beside", "02_b.new2.ipynb")
    assert contents(folder) == {
        "01_a.ipynb": "fourth edition",
        "02_b.ipynb": "my work",
        "02_b.new.ipynb": "my work on the second",
        "02_b.new2.ipynb": "fourth edition",
    }


@pytest.mark.parametrize("record", [None, b"", b"{", b"[]", b"\xff", b'{"01_a.ipynb": 3}'])
def test_without_a_record_nothing_is_replaced(package, tmp_path, record):
    folder = tmp_path / "mine"
    lay_out(package, folder)
    (folder / ".nnlab-lessons.json").unlink()
    if record is not None:
        (folder / ".nnlab-lessons.json").write_bytes(record)
    assert [action for action, _ in actions(package, folder)] == ["unchanged", "unchanged"]
    (folder / ".nnlab-lessons.json").unlink()
    renew(package, "second")
    assert [action for action, _ in actions(package, folder)] == ["beside", "beside"]
    assert contents(folder)["01_a.ipynb"] == "first edition"


def test_a_lesson_that_was_deleted_comes_back(package, tmp_path):
    lay_out(package, tmp_path / "mine")
    (tmp_path / "mine" / "01_a.ipynb").unlink()
    assert actions(package, tmp_path / "mine")[0] == ("new", "01_a.ipynb")


def test_links_and_folders_in_the_way_are_left_alone(package, tmp_path):
    folder, elsewhere = tmp_path / "mine", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.write_text("somebody else's")
    (folder / "01_a.ipynb").symlink_to(elsewhere)
    (folder / "02_b.ipynb").mkdir()
    (folder / "02_b.new.ipynb").symlink_to(tmp_path / "nowhere")
    assert actions(package, folder) == [("beside", "01_a.new.ipynb"), ("beside", "02_b.new2.ipynb")]
    assert elsewhere.read_text() == "somebody else's"
    assert not (tmp_path / "nowhere").exists()


def test_a_failure_leaves_no_half_lesson(package, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    lay_out(package, folder)
    renew(package, "second")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space left"):
        lay_out(package, folder)
    assert contents(folder)["01_a.ipynb"] == "first edition"
    assert not [path for path in folder.iterdir() if path.name.endswith(str(os.getpid()))]


# --- the command --------------------------------------------------------------------------------


def nnlab(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_lab_lays_out_and_says_what_it_did(package, tmp_path):
    folder = tmp_path / "mine"
    options = ("--no-open", "--lessons", package)
    assert nnlab("lab", folder, *options).output.split() == [
        "01_a.ipynb",
        "new",
        "02_b.ipynb",
        "new",
    ]
    (folder / "02_b.ipynb").write_text("my work")
    renew(package, "second")
    result = nnlab("lab", folder, *options)
    assert result.exit_code == 0
    assert "updated" in result.output
    assert "yours, kept as it is; a new edition is beside it: 02_b.new.ipynb" in result.output


def test_lab_in_a_checkout_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="make lab"):
        packaged_lessons()
    result = nnlab("lab", tmp_path / "mine", "--no-open")
    assert result.exit_code == 1
    assert "make lab" in result.output
    assert not (tmp_path / "mine").exists()


def test_lab_refuses_a_file_as_folder(package, tmp_path):
    (tmp_path / "mine").write_text("")
    result = nnlab("lab", tmp_path / "mine", "--no-open", "--lessons", package)
    assert result.exit_code == 2
    assert "is a file" in result.output


def test_lab_opens_the_lesson_that_was_changed_last(package, tmp_path, monkeypatch):
    """Without JupyterLab: what would be run."""
    commands = []

    def become(path, command):
        commands.append(command[-1])
        raise SystemExit

    monkeypatch.setattr("os.execv", become)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    folder = tmp_path / "mine"
    nnlab("lab", folder, "--lessons", package)
    (folder / "02_b.ipynb").write_text("my work")
    nnlab("lab", folder, "--lessons", package)
    assert commands == [f"--LabApp.default_url=/lab/tree/{name}" for name in contents(folder)]


def test_lab_without_jupyterlab_says_how_to_get_it(package, tmp_path):
    """In a process in which JupyterLab can't be found."""
    code = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'jupyterlab' else find(name, *a)\n"
        "from nnlab_course.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "lab", tmp_path / "mine", "--lessons", package]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pip install jupyterlab ipywidgets" in done.stderr
    assert contents(tmp_path / "mine") == contents(package)


MAKE = ("make", "--dry-run", "--no-print-directory")  # make test sets it to print


def test_make_lab_makes_the_edition_first():
    """What `make lab` would run, without running it."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    done = subprocess.run(
        [*MAKE, "--assume-old", ".venv/.ready", "lab", "FOLDER=my lessons"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert "student_edition.py nbs _build/lessons" in lines[-2]
    assert lines[-1].endswith("nnlab lab --lessons _build/lessons 'my lessons'")
