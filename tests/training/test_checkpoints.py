"""Checkpoints: whole or not at all, and never trusted."""

import itertools
import pickle
import resource
import signal
import zipfile

import pytest
import torch

from nnlab_course.training.checkpoints import CheckpointError, load_checkpoint, save_checkpoint

STATE = {"step": 3, "weights": torch.arange(1000.0), "nested": [{"none": None, "x": 0.5}]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.pt"
    save_checkpoint(path, STATE)
    return path


def test_comes_back(path):
    state = load_checkpoint(path)
    assert torch.equal(state.pop("weights"), STATE["weights"])
    assert state == {"step": 3, "nested": [{"none": None, "x": 0.5}]}
    assert [file.name for file in path.parent.iterdir()] == ["run.pt"]


def test_absent_is_none(tmp_path):
    assert load_checkpoint(tmp_path / "run.pt") is None


def test_every_cut_is_found_out(path):
    content = path.read_bytes()
    for size in [0, 1, 3, *range(10, len(content), 97), len(content) - 1]:
        path.write_bytes(content[:size])
        with pytest.raises(CheckpointError, match=r"run\.pt can't be used.* Give another path"):
            load_checkpoint(path)


def test_altered_bytes_are_found_out(path):
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda part: part.file_size)
    for offset in (300, 2000, largest.file_size // 2):
        changed = bytearray(content)
        changed[largest.header_offset + offset] ^= 1
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match="altered"):
            load_checkpoint(path)


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return open, (str(self.target), "w")


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_hostile_file_does_nothing(path, how):
    target = path.with_name("made")
    hostile = {"format": "nnlab-course checkpoint, version 1", "state": Hostile(target)}
    if how == "torch":
        torch.save(hostile, path)
    else:
        path.write_bytes(pickle.dumps(hostile))
    with pytest.raises(CheckpointError, match=r"run\.pt can't be used"):
        load_checkpoint(path)
    assert not target.exists()


@pytest.mark.parametrize("content", [{"model": {}}, [1, 2], torch.zeros(3), {"format": "other"}])
def test_foreign_file_is_refused(path, content):
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="it is no nnlab-course checkpoint"):
        load_checkpoint(path)


def test_folder_is_refused(tmp_path):
    with pytest.raises(OSError, match="directory"):
        load_checkpoint(tmp_path)


def test_full_disk_leaves_the_old_file(path):
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises((OSError, RuntimeError)):
            save_checkpoint(path, {"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before


def write_on(path, written):
    """Save one checkpoint after the other, and tell of each that is saved."""
    for number in itertools.count(1):
        save_checkpoint(path, {"number": number, "weights": torch.full((300_000,), number)})
        written.send(number)


@pytest.mark.slow
def test_killed_writer_leaves_a_whole_file(tmp_path, children):
    path = tmp_path / "run.pt"
    for saves in (1, 2, 5, 8):
        here, there = children.Pipe(duplex=False)
        process = children.Process(target=write_on, args=(path, there))
        process.start()
        for _ in range(saves):
            written = here.recv()
        process.kill()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        state = load_checkpoint(path)
        assert state["number"] >= written
        assert (state["weights"] == state["number"]).all()
