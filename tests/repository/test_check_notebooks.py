"""Notebooks that would be exported or published wrong are refused by name."""

import json

import pytest
from building import PROJECT
from check_notebooks import main


def write(folder, change):
    """Write a sound notebook, changed."""
    cell = {"cell_type": "code", "id": "a1", "metadata": {}, "outputs": [], "source": ["x = 1"]}
    text = {"cell_type": "markdown", "id": "b2", "metadata": {}, "source": ["# A\n", "======="]}
    text["source"] = ["Title\n", "====="]
    notebook = {"cells": [text, cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    change(notebook)
    path = folder / "lesson.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def set_source(text):
    return lambda notebook: notebook["cells"][1].update(source=[text])


BROKEN = {
    "merge": (set_source("<<<<<<< local"), "cell 2 ('<<<<<<< local') holds the marks of an unres"),
    "middle": (set_source("a\n=======\nb"), "marks of an unresolved merge"),
    "Windows": (set_source("x = 1\r\ny = 2"), "has the line ends of Windows"),
    "no id": (lambda notebook: notebook["cells"][1].pop("id"), "has no id"),
    "same id": (lambda notebook: notebook["cells"][1].update(id="b2"), "another cell has as well"),
    "widgets": (lambda notebook: notebook["metadata"].update(widgets={}), "it stores widgets"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_is_refused_by_name(tmp_path, capsys, case):
    change, message = BROKEN[case]
    path = write(tmp_path, change)
    assert main(tmp_path) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"{path}: ")
    assert message in told


def test_a_conflict_in_the_file_is_told_with_its_line(tmp_path, capsys):
    (tmp_path / "lesson.ipynb").write_text('{\n "cells": [\n<<<<<<< HEAD\n', encoding="utf-8")
    assert main(tmp_path) == 1
    assert "an unresolved conflict in line 3" in capsys.readouterr().err


def test_a_sound_notebook_and_those_of_the_course_pass(tmp_path):
    write(tmp_path, lambda notebook: None)
    assert main(tmp_path) == 0
    assert main(PROJECT / "nbs") == 0


def test_make_looks_before_it_writes():
    lines = (PROJECT / "Makefile").read_text(encoding="utf-8").splitlines()
    for target in ("export: ", "docs: "):
        start = next(n for n, line in enumerate(lines) if line.startswith(target))
        assert lines[start + 1].endswith("scripts/check_notebooks.py nbs")
