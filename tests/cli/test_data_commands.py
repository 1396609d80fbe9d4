"""`nnlab data`: the report on pictures, the contact sheet, packages; quick, in this process."""

import json
import logging
import sys
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from nnlab_course.cli import main


def run(*arguments, code=0):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(logging.getLogger(), "handlers", list(logging.getLogger().handlers))
    return tmp_path / "data"


@pytest.fixture
def leaves(tmp_path):
    """Six pictures of each of two kinds, a file that is none, and a copy."""
    rng = np.random.default_rng(0)
    for name in ("ash", "oak"):
        (tmp_path / "leaves" / name).mkdir(parents=True)
        for i in range(6):
            pixels = rng.integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(tmp_path / "leaves" / name / f"{i}.png")
    (tmp_path / "leaves" / "oak" / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    content = (tmp_path / "leaves" / "ash" / "1.png").read_bytes()
    (tmp_path / "leaves" / "ash" / "again.png").write_bytes(content)
    return tmp_path / "leaves"


REPORT = """\
leaves: 10 training and 3 test images, 3x32x32, 2 classes. Source: pictures of the folder leaves

class  files   used  train   test
ash        7      7      5      2
oak        7      6      5      1

Not used, and why:
  1 HEIC: pip install pillow-heif, or save it as JPEG: oak/a.HEIC

Copies of one another (each group is on one side of the split):
  ash/1.png = ash/again.png
"""


def test_prepare_reports(leaves, root):
    told = run("data", "prepare", leaves)
    counts = [line.split() for line in told.splitlines()[3:5]]
    assert [(int(train) + int(test)) for *_, train, test in counts] == [7, 6]
    expected = REPORT.splitlines()
    assert told.splitlines()[5:-2] == expected[5:]
    assert told.splitlines()[2] == expected[2]
    assert told.endswith("\nload it with --data leaves\n")


def test_prepare_reports_as_json(leaves, root):
    facts = json.loads(run("data", "prepare", leaves, "--json", "--size", 16, "--grey"))
    assert facts["path"] == str(root / "leaves.safetensors")
    assert facts["classes"]["oak"]["used"] == 6
    assert list(facts["not_used"]) == ["oak/a.HEIC"]
    assert facts["copies"] == [["ash/1.png", "ash/again.png"]]
    assert facts["dataset"].startswith("leaves: ")
    assert "1x16x16" in facts["summary"]


def test_prepare_draws_a_contact_sheet(leaves, tmp_path):
    sheet = tmp_path / "sheet.png"
    assert f"a look at it: {sheet}" in run("data", "prepare", leaves, "--sheet", sheet)
    with Image.open(sheet) as image:
        assert image.format == "PNG"
        assert np.asarray(image.convert("L")).std() > 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--size", 100_000), "got size=100000, channels=3"),
        (("--background", "whitish"), "background='whitish' is no colour"),
        (("--name", "cifar10"), "'cifar10' is the name of another dataset"),
    ],
)
def test_prepare_refuses_with_a_sentence(leaves, options, message):
    assert f"Error: {message}" in run("data", "prepare", leaves, *options, code=1)


def test_names_do_not_reach_the_terminal_raw(leaves, root):
    (leaves / "oak").rename(leaves / "oak\x1b[31m")
    told = run("data", "prepare", leaves)
    assert "oak\\x1b[31m" in told
    assert "\x1b" not in told + run("data", "list") + run("data", "prepare", "\x1b[31m", code=2)
    (root / "a\x1b[31m.safetensors").write_bytes(b"")
    assert "\x1b" not in run("data", "list") + run("data", "verify")


def test_list_names_a_damaged_store_and_goes_on(leaves, root):
    run("data", "prepare", leaves)
    (root / "birds.safetensors").write_bytes(b"cut short")
    first, second = run("data", "list").splitlines()
    assert first.startswith("birds: ")
    assert "can't be used" in first
    assert second.startswith("leaves: 1")


def test_pack_with_packages(leaves, root, tmp_path, monkeypatch):
    index = tmp_path / "index"
    index.mkdir()
    with zipfile.ZipFile(index / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Name: tiny\nVersion: 1.0\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    run("data", "prepare", leaves)
    archive = tmp_path / "suitcase.zip"
    told = run("data", "pack", "leaves", "--package", "tiny", "--out", archive)
    assert told.startswith(f"leaves and 1 packages in {archive}")
    monkeypatch.setenv("NNLAB_DATA", str(tmp_path / "other"))
    told = run("data", "unpack", archive)
    assert told.startswith(f"leaves in {tmp_path / 'other'}\nthe course is installed from the pack")
    assert f'--no-index --find-links "{tmp_path / "other" / "packages"}" "nnlab-course' in told
    assert sys.modules.get("tiny") is None


def test_unpack_refuses_what_it_did_not_pack(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../evil.safetensors", b"")
    told = run("data", "unpack", tmp_path / "x.zip", code=1)
    assert "it holds '../evil.safetensors', which is no store's name. Copy it again" in told
