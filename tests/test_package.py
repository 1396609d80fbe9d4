"""The built wheel and sdist install into an empty environment and work there."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PACKED = ["setup.py", "pyproject.toml", "settings.ini", "README.md", "LICENSE", "MANIFEST.in"]

# Runs in the empty environment, outside the repository.
USE = """
import importlib.util, pkgutil, sys
import nnlab_course
for module in pkgutil.walk_packages(nnlab_course.__path__, "nnlab_course."):
    __import__(module.name)
for name in ("nbdev", "fastcore", "IPython", "jupyterlab", "ipykernel", "sklearn"):
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
print("version", nnlab_course.__version__)
"""


def run(*command, cwd, **kwargs):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, **kwargs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """A copy of what git would hand out, so that nothing left over in the folder is packed."""
    copy = tmp_path_factory.mktemp("source")
    for name in PACKED:
        shutil.copy(PROJECT / name, copy)
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(PROJECT / "nnlab_course", copy / "nnlab_course", ignore=ignore)
    return copy


@pytest.fixture(scope="session")
def built(source):
    """The sdist, and the wheel built from it."""
    run(sys.executable, "-m", "build", "--installer", "uv", cwd=source, env=environment())
    (wheel,) = (source / "dist").glob("*.whl")
    (sdist,) = (source / "dist").glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


def environment():
    return os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_works_in_an_empty_environment(kind, built, tmp_path):
    uv = BIN / "uv"
    run(uv, "venv", "--python", sys.executable, tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / BIN.name / Path(sys.executable).name
    constraint = PROJECT / "requirements-dev.txt"
    run(uv, "pip", "install", "--python", python, "-c", constraint, built[kind], cwd=tmp_path)
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
    assert "nnlab_course/digits.safetensors" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert built["wheel"].stat().st_size < 500_000


def test_sdist_can_be_built_again(built):
    with tarfile.open(built["sdist"]) as archive:
        names = archive.getnames()
    for name in ("settings.ini", "setup.py", "nnlab_course/digits.safetensors"):
        assert any(path.endswith(name) for path in names), name


def test_every_requirement_is_used():
    settings = ConfigParser(interpolation=None)
    settings.read(PROJECT / "settings.ini")
    code = "".join(path.read_text(encoding="utf-8") for path in PROJECT.glob("nnlab_course/*.py"))
    for requirement in settings["DEFAULT"]["requirements"].split():
        name = {"pillow": "PIL"}.get(requirement.split(">=")[0], requirement.split(">=")[0])
        assert f"import {name}" in code or f"from {name}" in code, f"{name} is never imported"
