"""The recorded experiments, their figures, and the script that records them."""

import json
from functools import partial
from pathlib import Path

import pytest
import record_experiments
from matplotlib import pyplot as plt

import nnlab_course.records
from nnlab_course.records import Record, plot_accuracies, plot_losses, plot_runs, read_record

FOLDER = Path(nnlab_course.records.__file__).parent
NAMES = sorted(record_experiments.PARTS)


@pytest.mark.parametrize("name", NAMES)
def test_every_run_was_made_with_three_seeds(name):
    record = read_record(name)
    expected = [run for run, _ in record_experiments.PARTS[name](0)]
    assert sorted(record.runs) == sorted(expected)
    for runs in record.runs.values():
        assert [run["seed"] for run in runs] == [0, 1, 2]
        for run in runs:
            accuracies = [*run.get("training", []), *run.get("validation", [])]
            assert all(0 <= accuracy <= 1 for accuracy in accuracies)
    assert "scripts/record_experiments.py" in repr(record)


def test_the_records_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.json")) < 100_000


def test_an_unknown_record():
    with pytest.raises(ValueError, match="there is no record 'depth'; use one of augmentation,"):
        read_record("depth")


@pytest.fixture
def record():
    runs = {
        name: [
            {"seed": seed, "training": [0.1, a], "validation": [0.1, a - 0.1], "losses": [2.0, 1.0]}
            for seed, a in enumerate(accuracies)
        ]
        for name, accuracies in {"LeNet": (0.6, 0.62, 0.64), "wider": (0.7, 0.7, 0.7)}.items()
    }
    return Record("2026-01-01", "a machine", "a command", runs)


def test_a_record_as_a_table(record):
    assert record.final("LeNet", "training") == [0.6, 0.62, 0.64]
    lines = record.table(("training",)).splitlines()
    assert lines[0].split() == ["training", "accuracy"]
    assert lines[1] == "LeNet   62.0% (60.0% to 64.0%)"


def test_every_seed_is_drawn(record):
    ax = plot_runs({"epochs": {"LeNet": record.final("LeNet")}, "time": {"wider": [0.6, 0.7]}})
    points = [list(line.get_xdata()) for line in ax.lines if line.get_marker() != "None"]
    assert points == [pytest.approx([0.5, 0.52, 0.54]), [0.6, 0.7]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["LeNet", "wider"]
    axs = plot_accuracies(record, ["LeNet", "wider"])
    assert [len(ax.lines) for ax in axs] == [6, 6]
    ax = plot_losses(record, {"LeNet": "a network"})
    assert [list(line.get_xdata()) for line in ax.lines] == [[5, 15]] * 3
    assert len(plt.get_fignums()) == 3


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script with one part that trains nothing and counts how often it is called."""
    script = record_experiments
    monkeypatch.setattr(script, "RECORDS", tmp_path)
    calls = []

    def quick(name, seed):
        calls.append((name, seed))
        return {"seed": seed, "training": [0.1, 0.6], "validation": [0.1, 0.5 + seed / 100]}

    def part(seed):
        yield from ((name, partial(quick, name, seed)) for name in ("all five", "linear"))

    monkeypatch.setattr(script, "PARTS", {"recipes": part, "baselines": part})
    return script, calls


def test_recording_goes_on_where_it_was_stopped(script, tmp_path):
    script, calls = script
    script.record_part("recipes")
    assert len(calls) == 6
    path = tmp_path / "recipes.json"
    record = json.loads(path.read_text())
    record["runs"]["linear"].pop()
    path.write_text(json.dumps(record))
    script.record_part("recipes")
    assert calls[6:] == [("linear", 2)]
    runs = json.loads(path.read_text())["runs"]
    assert {name: [run["seed"] for run in several] for name, several in runs.items()} == {
        "all five": [0, 1, 2],
        "linear": [0, 1, 2],
    }


@pytest.mark.parametrize(("shift", "status"), [(0.0, 0), (0.02, 0), (0.2, 1)])
def test_check_tells_whether_the_record_still_holds(script, shift, status, tmp_path, capsys):
    script, _ = script
    for part in ("recipes", "baselines"):
        script.record_part(part)
    path = tmp_path / "recipes.json"
    record = json.loads(path.read_text())
    for run in record["runs"]["all five"]:
        run["validation"][-1] += shift
    path.write_text(json.dumps(record))
    assert script.check() == status
    said = capsys.readouterr().out
    assert "recipes, all five: 50.0%" in said
    assert ("does not hold" in said) == bool(status)
