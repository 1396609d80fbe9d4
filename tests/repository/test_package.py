"""The built wheel and sdist install into an empty environment and work there."""

import sys
import tarfile
import zipfile
from configparser import ConfigParser
from importlib.metadata import version
from pathlib import Path

from building import BIN, PROJECT, build, run

LESSONS = sorted(path.name for path in (PROJECT / "nbs").glob("*.ipynb"))

# Runs in the empty environment, outside the repository.
USE = """
import importlib.util, pkgutil, sys
import nnlab_course
for module in pkgutil.walk_packages(nnlab_course.__path__, "nnlab_course."):
    __import__(module.name)
for name in ("nbdev", "fastcore", "IPython", "ipywidgets", "ipykernel", "sklearn"):
    assert importlib.util.find_spec(name) is None, f"{name} is installed"
assert "site-packages" in nnlab_course.__file__, nnlab_course.__file__

import torch
from nnlab_course.data import load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit
digits = load("mnist", sys.argv[1], download=False)
torch.manual_seed(0)
model = LeNet()
fit(model, digits.train, num_epochs=1)
assert evaluate(model, digits.test).accuracy > 0.8
shapes = load("cifar10", sys.argv[1], download=False)
assert shapes.train.images.shape[1:] == (3, 32, 32)
from nnlab_course.student_folder import lay_out, packaged_lessons
laid = lay_out(packaged_lessons(), sys.argv[1] + "/lessons")
assert [lesson.action for lesson in laid] == ["new"] * 5
from nnlab_course.explorers.drawing import DigitPad, trained_lenet
assert set(DigitPad(trained_lenet())._repr_mimebundle_()) == {"text/plain", "image/png"}
print("version", nnlab_course.__version__)
"""


def test_works_in_an_empty_environment(built, tmp_path):
    uv = BIN / "uv"
    run(uv, "venv", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / BIN.name / Path(sys.executable).name
    # The wheels of this environment, which uv has kept: without CUDA, where make took such.
    light = ["--torch-backend", "cpu"] if version("torch").endswith("+cpu") else []
    install = [uv, "pip", "install", *light, "-c", PROJECT / "requirements-dev.txt"]
    # The sdist: what is installed is a wheel that is built from it.
    run(*install, "--python", python, built["sdist"], cwd=tmp_path)
    run(uv, "pip", "check", "--python", python, cwd=tmp_path)
    output = run(python, "-W", "error", "-c", USE, str(tmp_path / "data"), cwd=tmp_path)
    settings = ConfigParser(interpolation=None)
    settings.read(PROJECT / "settings.ini")
    assert output.splitlines()[-1] == f"version {settings['DEFAULT']['version']}"


def test_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built["wheel"]) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"nnlab_course"}
    parts = (
        "digits.safetensors",
        "lenet.safetensors",
        "explorers/drawing.js",
        "explorers/drawing.css",
        "explorers/drawing_lab.js",
        "records/factors.json",
    )
    assert {f"nnlab_course/{part}" for part in parts} <= set(names)
    lessons = sorted(Path(name).name for name in names if name.endswith(".ipynb"))
    assert lessons == LESSONS
    assert all(f"nnlab_course/lessons/{name}" in names for name in lessons)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert built["wheel"].stat().st_size < 750_000


def test_a_wheel_built_straight_from_a_checkout_holds_the_same(built, source, tmp_path):
    build(source, "--wheel", "--outdir", tmp_path)
    (straight,) = tmp_path.glob("*.whl")
    contents = []
    for path in (straight, built["wheel"]):
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if ".dist-info" not in name]
            contents.append({name: archive.read(name) for name in names})
    assert contents[0] == contents[1]


def test_sdist_can_be_built_again_and_holds_the_student_edition_only(built):
    with tarfile.open(built["sdist"]) as archive:
        names = archive.getnames()
    lessons = [name for name in names if name.endswith(".ipynb")]
    assert sorted(Path(name).name for name in lessons) == LESSONS
    assert all("/nnlab_course/lessons/" in name for name in lessons)
    for name in ("settings.ini", "setup.py", "nnlab_course/digits.safetensors"):
        assert any(path.endswith(name) for path in names), name


def test_every_requirement_is_used():
    settings = ConfigParser(interpolation=None)
    settings.read(PROJECT / "settings.ini")
    code = "".join(
        path.read_text(encoding="utf-8") for path in PROJECT.glob("nnlab_course/**/*.py")
    )
    for requirement in settings["DEFAULT"]["requirements"].split():
        name = {"pillow": "PIL"}.get(requirement.split(">=")[0], requirement.split(">=")[0])
        assert f"import {name}" in code or f"from {name}" in code, f"{name} is never imported"
