"""The repository keeps its own rules: imports, notebooks, generated files."""

import ast
import json
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
PACKAGE = PROJECT / "nnlab_course"
NOTEBOOKS = sorted((PROJECT / "nbs").rglob("*.ipynb"))
NOTEBOOKS = [path for path in NOTEBOOKS if ".ipynb_checkpoints" not in path.parts]
LESSONS = sorted((PROJECT / "nbs").glob("*.ipynb"))

# A module imports only modules that stand before it.
ORDER = [
    "exercises",
    "edition",
    "crossing",
    "inside",
    "sandbox",
    "interactive",
    "pictures",
    "embedded",
    "data",
    "archives",
    "checkpoints",
    "history",
    "training",
    "activations",
    "autograd",
    "gradients",
    "lenet",
    "cifar10",
    "checks.activations",
    "checks.autograd",
    "checks.gradients",
    "checks.lenet",
    "checks.cifar10",
    "explorers.activations",
    "explorers.autograd",
    "explorers.gradients",
    "explorers.drawing",
    "explorers.convolution",
    "grading",
    "cli",
]


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def cells(path, kind):
    return ["".join(c["source"]) for c in read(path)["cells"] if c["cell_type"] == kind]


def parse(module):
    """Parse a module of the package, given as "data" or "checks.autograd"."""
    return ast.parse((PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))


def imports(module):
    """Yield the modules of the package that `module` imports."""
    tree = parse(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not any(name.name == "*" for name in node.names), f"{module} imports *"
            above = ["nnlab_course", *module.split(".")][: -node.level] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            # `from . import data` names modules, `from .data import load` names from one.
            is_package = home == "nnlab_course"
            names = [f"nnlab_course.{name.name}" for name in node.names] if is_package else [home]
        else:
            continue
        for name in names:
            package, _, imported = name.partition(".")
            if package == "nnlab_course":
                yield imported


def test_order_names_every_module():
    paths = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    modules = {".".join(path.parts) for path in paths if path.name not in ("__init__", "_modidx")}
    assert set(ORDER) == modules


@pytest.mark.parametrize("module", ORDER)
def test_imports_point_one_way(module):
    allowed = ORDER[: ORDER.index(module)]
    for imported in imports(module):
        assert imported in allowed, f"{module} imports {imported}, which stands above it"


def test_the_imports_are_found():
    assert "data" in imports("training")
    assert "embedded" in imports("data")
    assert {"activations", "exercises"} <= set(imports("checks.activations"))


def test_every_public_name_has_one_home():
    homes = {}
    for module in ORDER:
        for node in parse(module).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                assert node.name not in homes, f"{node.name} in {module} and {homes[node.name]}"
                homes[node.name] = module


def test_five_lessons():
    assert [path.stem for path in LESSONS] == [
        "01_activations",
        "02_autograd",
        "03_gradients",
        "04_lenet",
        "05_cifar10",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_has_one_title_a_subtitle_and_no_skipped_level(self, path):
        lines, fenced = [], False
        for cell in cells(path, "markdown"):
            for line in cell.splitlines():
                fenced ^= line.startswith("```")
                if not fenced:
                    lines.append(line)
        levels = [len(line) - len(line.lstrip("#")) for line in lines if line.startswith("#")]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert cells(path, "markdown")[0].splitlines()[2].startswith("> ")

    def test_explains_as_much_as_it_computes(self, path):
        # The check, the hint and the solution of an exercise are one call each.
        code = [cell for cell in cells(path, "code") if "\nexercises." not in f"\n{cell}"]
        if path in LESSONS:
            assert len(cells(path, "markdown")) >= 0.8 * len(code)

    def test_keeps_exported_cells_free_of_markers_and_answers(self, path):
        for source in cells(path, "code"):
            if source.startswith("#| export"):
                assert "NBVAL" not in source
                assert "BEGIN SOLUTION" not in source

    def test_stores_outputs_that_name_no_machine_and_no_warning(self, path):
        outputs = [c["outputs"] for c in read(path)["cells"] if c["cell_type"] == "code"]
        assert any(outputs), "no cell was executed: make outputs"
        for output in (o for cell in outputs for o in cell):
            assert output["output_type"] != "error"
            text = json.dumps({k: v for k, v in output.items() if k != "data"})
            text += json.dumps({k: v for k, v in output.get("data", {}).items() if "png" not in k})
            for word in ("/home/", "/root/", "/tmp/", "/Users/", "site-packages", "Warning: "):
                assert word not in text

    def test_stores_no_widget(self, path):
        outputs = [o for c in read(path)["cells"] for o in c.get("outputs", [])]
        kinds = {kind for output in outputs for kind in output.get("data", {})}
        assert not any("widget" in kind for kind in kinds), "a widget was stored: make outputs"
        assert "widgets" not in read(path)["metadata"]

    def test_marks_output_that_may_vary_by_tags_only(self, path):
        for source in cells(path, "code"):
            assert "NBVAL_" not in source


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A copy of the project in which the notebooks were exported and cleaned again."""
    copy = tmp_path_factory.mktemp("export")
    for name in ("nbs", "nnlab_course"):
        shutil.copytree(
            PROJECT / name,
            copy / name,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", ".last_checked"),
        )
    shutil.copy(PROJECT / "settings.ini", copy)
    for path in (copy / "nnlab_course").rglob("*.py"):
        if path.name != "__init__.py":
            path.unlink()
    for command in ("nbdev_export", "nbdev_clean"):
        tool = Path(sys.executable).with_name(command)
        subprocess.run([tool], cwd=copy, check=True, capture_output=True)
    return copy


def test_export_and_clean_leave_no_difference(exported):
    def contents(root):
        return {
            str(path.relative_to(root)): path.read_bytes()
            for folder in ("nbs", "nnlab_course")
            for path in sorted((root / folder).rglob("*"))
            if path.suffix in (".py", ".ipynb") and ".ipynb_checkpoints" not in path.parts
        }

    before, after = contents(PROJECT), contents(exported)
    assert sorted(before) == sorted(after)
    different = [name for name in before if before[name] != after[name]]
    assert not different, f"make export changes {different}; commit what it writes"
