"""A lesson that was downloaded installs the course, without git, or says at once why it can't."""

import importlib.util
import json
import urllib.request
from configparser import ConfigParser
from io import BytesIO
from urllib.error import URLError

import pytest
from building import PROJECT
from IPython.core.inputtransformer2 import TransformerManager

LESSONS = sorted(path.stem for path in (PROJECT / "nbs").glob("*.ipynb"))


class Jupyter:
    """Takes down the magic commands of a cell."""

    def __init__(self):
        self.called = []

    def run_line_magic(self, name, line):
        self.called.append(f"%{name} {line}")


@pytest.fixture
def run_first_cell(monkeypatch):
    def run(lesson, *, installed=False, reach=lambda address: BytesIO()):
        """Run a lesson's first code cell where the course is installed, or not."""
        cells = json.loads((PROJECT / f"nbs/{lesson}.ipynb").read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        first = next(source for source in sources if not source.startswith("#| default_exp"))
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: installed or None)
        monkeypatch.setattr(urllib.request, "urlopen", lambda address, timeout: reach(address))
        jupyter = Jupyter()
        names = {"get_ipython": lambda: jupyter}
        exec(TransformerManager().transform_cell(first), names)
        return [line.format(**names) for line in jupyter.called]

    return run


def no_network(address):
    raise URLError("Name or service not known")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_installs_the_course_before_it_needs_it(run_first_cell, lesson):
    settings = ConfigParser(interpolation=None)
    settings.read(PROJECT / "settings.ini", encoding="utf-8")
    user, repo = settings["DEFAULT"]["user"], settings["DEFAULT"]["repo"]
    course = f"https://github.com/{user}/{repo}/archive/refs/heads/main.zip"
    (command,) = run_first_cell(lesson)
    assert command.split()[:4] == ["%pip", "install", "--quiet", course]
    with pytest.raises(OSError, match=f"^there is no way to {course}: switch the internet on$"):
        run_first_cell(lesson, reach=no_network)
    assert run_first_cell(lesson, installed=True, reach=no_network) == []
