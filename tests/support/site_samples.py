"""For the tests of the site: how it is built, and a small course in the course's format."""

import base64
import io
import json
import os
import subprocess
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from PIL import Image
from sphinx.cmd.build import main as sphinx

PROJECT = Path(__file__).parents[2]
PARTS = (
    "notebooks",
    "explorers",
    "landing",
    "downloads",
    "pages",
    "highlighting",
    "mathematics",
    "links",
)
SMALL = "extensions=myst_nb,sphinx_copybutton,sphinx.ext.extlinks," + ",".join(
    f"course_site.{part}" for part in PARTS
)
DEFAULTS = {"SOLUTIONS": "1", "COURSE_REF": "main", "COURSE_VERSIONS": "0"}


def build_site(source, folder, *options, **environment):
    """Run Sphinx as `make docs` does, but in this process, and return how it ended."""
    fixed = ["-q", "-W", "--keep-going", "-c", PROJECT / "docs", "-d", folder / "doctrees"]
    arguments = list(map(str, [*fixed, *options, source, folder / "html"]))
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, DEFAULTS | environment),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        status = sphinx(arguments)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def build_small(folder, cells, index="[the lesson](lesson.ipynb)", **environment):
    """Build a course of one lesson, without a reference of the package, into `folder`/html."""
    source = write_course(folder / "source", cells, index)
    return build_site(source, folder, "-D", SMALL, **environment)


def code(source, cell_id, outputs=(), **metadata):
    """Make a code cell."""
    return {
        "cell_type": "code",
        "id": cell_id,
        "source": source.splitlines(True),
        "metadata": metadata,
        "outputs": list(outputs),
        "execution_count": None,
    }


def markdown(source, cell_id):
    """Make a Markdown cell."""
    return {"cell_type": "markdown", "id": cell_id, "source": [source], "metadata": {}}


def stream(text):
    """Make the output of a print."""
    return {"output_type": "stream", "name": "stdout", "text": [text]}


def display(**data):
    """Make an output that is shown; `text_html` stands for text/html."""
    data = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": data}


def picture():
    """Make an output that shows a small picture."""
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "orange").save(file, "png")
    return display(image_png=base64.b64encode(file.getvalue()).decode())


ANSWER = '''\
def logistic(x):
    """Map any number into (0, 1)."""
    ### BEGIN SOLUTION
    secret_of_the_answer = 1 + (-x).exp()
    return 1 / secret_of_the_answer
    ### END SOLUTION
'''
CHECK = """\
exercises.logistic.check(logistic)
### BEGIN HIDDEN TESTS
assert secret_of_the_grader(logistic)
### END HIDDEN TESTS
"""
HINTS = (
    "<details><summary>Hint 1</summary>Which function undoes the logarithm?</details>"
    "<details><summary>Hint 2</summary><p>Try torch.exp.</p></details>"
)


def exercise_cells():
    """Make the cells of an exercise, as a teacher's notebook stores them."""
    role = {"schema_version": 3, "task": False}
    answer = {**role, "solution": True, "grade": False, "locked": False, "grade_id": "logistic"}
    check = {**role, "solution": False, "grade": True, "locked": True, "points": 2}
    check["grade_id"] = "logistic-check"
    verdict = display(text_html="<p>right: secret of the verdict</p>")
    solution = display(text_html="<p>secret of the published solution</p>")
    return [
        markdown("## Exercises\n\n### Exercise 1.1 · The logistic\n\nWrite it by hand.", "task"),
        code(ANSWER, "answer", [stream("secret of the answer's output")], nbgrader=answer),
        code(CHECK, "check", [verdict], nbgrader=check),
        code("exercises.logistic.hint()", "hint", [display(text_html=HINTS)]),
        code("exercises.logistic.solution()", "solution", [solution]),
    ]


def lesson_cells():
    """Make a lesson: a title, an export, plumbing, a picture and an exercise."""
    return [
        markdown("# A small lesson\n\n> With everything in it\n\nIt uses `load`, $x^2$.", "title"),
        code("#| default_exp small", "default"),
        code("#| hide\nplumbing = 1", "plumbing"),
        code("#| export\nfrom nnlab_course.data import load", "import"),
        code("print(7)", "print", [stream("7\n")]),
        code("plot()", "plot", [picture()], alt="An orange field."),
        *exercise_cells(),
    ]


def write_course(folder, cells, index="[the lesson](lesson.ipynb)"):
    """Write a course of one lesson; return its folder."""
    folder.mkdir(exist_ok=True)
    toctree = "```{toctree}\nlesson\n```"
    (folder / "index.md").write_text(f"# Index\n\n{index}\n\n{toctree}\n", encoding="utf-8")
    kernel = {"display_name": "python3", "language": "python", "name": "python3"}
    notebook = {"cells": cells, "metadata": {"kernelspec": kernel}}
    notebook |= {"nbformat": 4, "nbformat_minor": 5}
    (folder / "lesson.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    return folder
