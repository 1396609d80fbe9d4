"""A class is marked as an array job: one task is killed and requeued, the marks are the same."""

import csv
import os
import subprocess

import pytest
from building import BIN, PROJECT
from grading_samples import FULL, GOOD, LIMIT, marks, notebook, without
from slurm import cluster, require_slurm, wait_for
from walls import needs_bubblewrap

from nnlab_course.grading import read_register

SCRIPT = PROJECT / "scripts" / "mark_on_slurm.sh"
ENDLESS = "while True:\n    pass"
# Part 2 takes a while, so that its task can be stopped midway. "student/" sorts after
# "student-.ipynb", but before it as a name.
PARTS = {1: ("06", "10"), 2: ("00", "02", "03", "04", "05"), 3: ("01", "07")}
SLOW, QUICK = (*GOOD, ENDLESS), tuple(cell for cell in GOOD if cell != LIMIT)
CLASS = {f"student-{n}": SLOW if part == 2 else QUICK for part, ns in PARTS.items() for n in ns}
CLASS |= {"student": QUICK}
OPTIONS = ("--seconds", "1")


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    require_slurm()
    with cluster(tmp_path_factory.mktemp("slurm")) as own:
        own.environment["PATH"] = f"{BIN}{os.pathsep}{own.environment['PATH']}"
        yield own


@pytest.fixture(scope="module")
def handed_in(slurm):
    """A folder of submissions, and one that can't be read."""
    folder = slurm.folder / "submissions"
    for name, cells in CLASS.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "01_activations.ipynb").write_text(notebook(cells))
    (folder / "student-.ipynb").write_text(notebook(GOOD))
    (folder / "broken.ipynb").write_text("<!DOCTYPE html>")
    return folder


def journal(slurm, part):
    path = slurm.folder / "marks" / f"part-{part}.journal"
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(scope="module")
def marked(slurm, handed_in):
    """The class, marked by three tasks, of which one was killed and requeued."""
    job = slurm.run("sbatch", "--parsable", "--array=1-3", SCRIPT, handed_in, "marks", *OPTIONS)
    wait_for(lambda: len(journal(slurm, 2)) > 1, "a notebook of part 2 is marked")
    slurm.run("scontrol", "requeue", f"{job}_2")
    before = journal(slurm, 2)
    seen = wait_for(
        lambda: (
            (states := slurm.state_of(job))
            and set(states.values()) <= {"COMPLETED", "FAILED"}
            and states
        ),
        "all tasks are done",
        seconds=300,
    )
    parts = sorted((slurm.folder / "marks").glob("part-*.json"))
    slurm.run("nnlab", "merge-marks", *parts, "--out", "merged/marks.csv")
    return {"job": job, "before": before, "states": seen}


@needs_bubblewrap
def test_one_task_was_killed_midway_and_went_on(slurm, marked):
    details = slurm.run("scontrol", "show", "job", f"{marked['job']}_2")
    assert "Restarts=1" in details
    parts = [read_register(slurm.folder / "marks" / f"part-{n}.json") for n in (1, 2, 3)]
    assert all(len(part.records) >= 2 for part in parts)
    assert 1 < len(marked["before"]) <= len(parts[1].records)
    assert journal(slurm, 2)[: len(marked["before"])] == marked["before"], "kept, not made again"
    broken = ["FAILED" if any(r.problem for r in part.records) else "COMPLETED" for part in parts]
    assert [marked["states"][str(n)] for n in (1, 2, 3)] == broken
    assert sorted(broken) == ["COMPLETED", "COMPLETED", "FAILED"]


@needs_bubblewrap
def test_the_merged_register_is_that_of_one_process(slurm, handed_in, marked):
    seed = (slurm.folder / "marks" / "seed").read_text().strip()
    command = ["nnlab", "grade", handed_in, "--out", "alone/marks.csv", "--seed", seed, *OPTIONS]
    done = subprocess.run(command, cwd=slurm.folder, env=slurm.environment, capture_output=True)
    assert done.returncode == 1, done.stderr
    for name in ("marks.json", "marks.csv", "marks.html", "marks/student-01.html"):
        merged, alone = (slurm.folder / place / name for place in ("merged", "alone"))
        assert merged.read_bytes() == alone.read_bytes(), name


@needs_bubblewrap
def test_the_marks_are_exact(slurm, marked):
    register = read_register(slurm.folder / "merged" / "marks.json")
    found = {record.student: marks(record) for record in register.records if not record.problem}
    expected = {
        name: FULL if cells == SLOW else without("saturation") for name, cells in CLASS.items()
    } | {"student-": FULL}
    assert found == expected
    with (slurm.folder / "merged" / "marks.csv").open(newline="") as file:
        notes = {row["student"]: row["note"] for row in csv.DictReader(file)}
    assert "web page" in notes["broken"]


@needs_bubblewrap
def test_only_the_teacher_can_read_what_it_writes(slurm, marked):
    for path in (slurm.folder / "marks").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize("array", ["--array=3", "--array=0-2", "--array=1,3", "--begin=now"])
def test_a_part_of_the_parts_is_refused(slurm, array):
    job = slurm.run("sbatch", "--parsable", array, "--output=refused.log", SCRIPT, "x", "y")
    wait_for(lambda: set(slurm.state_of(job).values()) == {"FAILED"}, "it has failed")
    assert "with all parts, from 1 to N" in (slurm.folder / "refused.log").read_text()
    assert not (slurm.folder / "y").exists()
