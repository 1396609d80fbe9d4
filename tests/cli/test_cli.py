"""The command `nnlab`, run as a user runs it: in processes of its own, with real signals."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from nnlab_course.cli import main
from nnlab_course.data import load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit
from nnlab_course.training.history import History

NNLAB = Path(sys.executable).with_name("nnlab")
QUIET = {"on_epoch": lambda history: None, "progress": False}


def nnlab(*arguments, code=0):
    """Call `nnlab`, look at its exit code, and return what it printed."""
    result = CliRunner().invoke(main, list(map(str, arguments)), prog_name="nnlab")
    assert result.exit_code == code, result.output
    return result.output if code else result.stdout


def start(*arguments, launcher=()):
    """Start `nnlab` in a process of its own, on one thread."""
    command = list(map(str, [*launcher, NNLAB, *arguments]))
    environment = os.environ | {"NNLAB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finish(process, code=0):
    """Wait for a process, look at its exit code, and return what it printed."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == code, out + err
    return out, err


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setenv("NNLAB_OFFLINE", "1")


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """A data folder with a dataset of dark and light pictures."""
    home = tmp_path_factory.mktemp("rooms")
    rng = np.random.default_rng(0)
    for light, name in enumerate(("dark", "light")):
        (home / "rooms" / name).mkdir(parents=True)
        for i in range(100):
            pixels = rng.integers(0, 160, (16, 16), dtype=np.uint8) + np.uint8(90 * light)
            Image.fromarray(pixels).save(home / "rooms" / name / f"{i}.png")
    nnlab("data", "prepare", home / "rooms", "--size", 16, "--grey", "--root", home / "data")
    return home / "data"


DATA_COMMANDS = ("fetch", "list", "pack", "prepare", "unpack", "verify")
TRAIN = ("train", "--data", "rooms", "--epochs", 3, "--batch-size", 16, "--lr", 2e-3)


class TestHelp:
    def test_imports_nothing_heavy(self):
        code = "import sys, nnlab_course.cli; print(*sys.modules)"
        output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        loaded = output.stdout.split()
        assert "nnlab_course.cli" in loaded
        assert not {"torch", "numpy", "matplotlib"} & set(loaded)

    @pytest.mark.parametrize(
        "command",
        ["", "train", "data", *(f"data {name}" for name in DATA_COMMANDS)],
    )
    def test_every_command_explains_itself(self, command):
        output = nnlab(*command.split(), "--help")
        assert output.startswith("Usage: nnlab")
        assert "Options:" in output
        assert len(output.splitlines()) > 6

    def test_version(self):
        assert nnlab("--version").startswith("nnlab, version ")


class TestWrongCalls:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("train --model resnet", "'resnet' is not one of 'lenet', 'convnet'"),
            ("train --epochs many", "'many' is not a valid float"),
            ("train --out nowhere/at/all.safetensors", "there is no such folder"),
            ("data pack mnist", "Missing option '--out'"),
            ("data prepare nowhere", "does not exist"),
            ("fly", "No such command 'fly'"),
        ],
    )
    def test_end_with_2(self, arguments, message):
        assert message in nnlab(*arguments.split(), code=2)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("train --data nothing", "unknown dataset 'nothing'; known: cifar10"),
            ("train --data rooms --batch-size 0", "batch_size is 0; use a whole number"),
            ("train --data rooms --epochs -1", "num_epochs is -1.0; use a number, 0 or more"),
            ("train --data rooms --valid 1000", "can't take 1000 out of 160 images"),
            ("train --data rooms --patience 2", "patience is 2, without a valid split"),
            ("train --data rooms --lr 1e30 --activation relu", "the loss is not finite at step"),
            ("train --data rooms --device abacus", "abacus"),
            ("data fetch mnist", "could not get mnist"),
            ("data verify nothing", "nothing: damaged"),
        ],
    )
    def test_that_fail_end_with_1(self, arguments, message, rooms):
        assert message in nnlab(*arguments.split(), "--root", rooms, code=1)

    def test_traceback_is_there_for_whoever_asks(self, rooms):
        line = map(str, ["--traceback", *TRAIN, "--batch-size", 0, "--root", rooms])
        with pytest.raises(ValueError, match="batch_size is 0"):
            CliRunner().invoke(main, list(line), catch_exceptions=False)


class TestData:
    def test_list(self, rooms, tmp_path):
        output = nnlab("data", "list", "--root", rooms)
        assert output.startswith("rooms: 160 training and 40 test images, 1x16x16, 2 classes.")
        assert "no datasets in" in nnlab("data", "list", "--root", tmp_path)
        facts = json.loads(nnlab("data", "list", "--root", rooms, "--json"))
        assert list(facts["datasets"]) == ["rooms"]

    def test_pack_unpack_verify(self, rooms, tmp_path):
        archive, root = tmp_path / "suitcase.zip", tmp_path / "data"
        facts = json.loads(
            nnlab("data", "pack", "rooms", "--out", archive, "--root", rooms, "--json")
        )
        assert facts["path"] == str(archive)
        assert "rooms" in nnlab("data", "unpack", archive, "--root", root)
        assert nnlab("data", "verify", "--root", root) == "rooms: right\n"
        store = root / "rooms.safetensors"
        content = bytearray(store.read_bytes())
        content[len(content) // 2] ^= 1
        store.write_bytes(content)
        assert "rooms: damaged" in nnlab("data", "verify", "--root", root, code=1)

    def test_fetch_reads_torchvisions_files(self, tmp_path):
        real = load("mnist", download=False)
        if real.name != "mnist":
            pytest.skip("the real mnist is not in NNLAB_DATA")
        source = Path(os.environ["NNLAB_DATA"]) / "MNIST"
        (tmp_path / "MNIST").symlink_to(source)
        output = nnlab("data", "fetch", "mnist", "--root", tmp_path)
        assert output.startswith("mnist: 60,000 training and 10,000 test images")
        assert nnlab("data", "verify", "mnist", "--root", tmp_path) == "mnist: right\n"


class TestTrain:
    def test_gives_the_network_that_a_notebook_gets(self, rooms, tmp_path):
        out, history_path = tmp_path / "weights.safetensors", tmp_path / "history.json"
        files = ("--out", out, "--history", history_path)
        facts = json.loads(nnlab(*TRAIN, *files, "--root", rooms, "--json", "--device", "cpu"))

        dataset = load("rooms", rooms)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = LeNet(16, 1, 2)
        options = {"num_epochs": 3, "batch_size": 16, "lr": 2e-3, "device": "cpu"}
        history = fit(model, dataset.train, **options, **QUIET)
        for name, weights in load_file(out).items():
            assert torch.equal(weights, model.state_dict()[name])
        assert History.from_json(history_path).step_losses == history.step_losses
        assert facts["test"]["accuracy"] == evaluate(model, dataset.test).accuracy
        assert facts["num_parameters"] == sum(w.numel() for w in model.parameters())
        assert len(facts["epochs"]) == 4
        with safe_open(out, framework="pt") as file:
            assert json.loads(file.metadata()["nnlab"])["test"] == facts["test"]

    def test_text_tells_what_happens(self, rooms):
        lines = nnlab(*TRAIN, "--valid", 20, "--root", rooms).splitlines()
        assert lines[0].startswith("rooms: 160 training")
        assert lines[1] == "lenet: 14,946 parameters"
        assert lines[2].startswith("epoch 0, validation loss")
        assert lines[-1].startswith("test loss")

    @pytest.mark.parametrize(
        "options",
        [
            "--model convnet --normalize --augment --schedule one_cycle",
            "--activation relu --pool max --optimizer sgd --lr 0.01",
            "--valid 32 --patience 1 --epochs 5",
        ],
    )
    def test_options(self, options, rooms):
        facts = json.loads(nnlab(*TRAIN, *options.split(), "--root", rooms, "--json"))
        assert facts["test"]["accuracy"] >= 0.5

    def test_says_that_a_stand_in_is_used(self, tmp_path):
        command = ("train", "--data", "mnist", "--epochs", 0, "--root", tmp_path, "--json")
        out, err = finish(start(*command))
        assert json.loads(out)["data"] == "digits"
        assert "The course's own digits are used instead" in err

    def test_after_interrupt_and_kill_the_same_call_goes_on(self, rooms, tmp_path):
        whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
        run = (*TRAIN, "--epochs", 40, "--root", rooms)
        checkpoint = ("--checkpoint", tmp_path / "run.pt", "--out", parts)
        for sign, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
            with start(*run, *checkpoint) as process:
                while not process.stdout.readline().startswith("epoch "):
                    assert process.poll() is None
                process.send_signal(sign)
                out, _ = finish(process, code)
            assert not parts.exists()
            if sign == signal.SIGINT:
                assert "interrupted, the same call goes on" in out
        nnlab(*run, *checkpoint)
        nnlab(*run, "--out", whole)
        first, second = load_file(whole), load_file(parts)
        assert all(torch.equal(first[name], second[name]) for name in first)

    def test_refuses_the_checkpoint_of_another_run(self, rooms, tmp_path):
        checkpoint = ("--checkpoint", tmp_path / "run.pt", "--root", rooms)
        nnlab(*TRAIN, *checkpoint)
        message = nnlab(*TRAIN, "--lr", 1e-3, *checkpoint, code=1)
        assert "lr is 0.002 there and 0.001 here" in message


TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def test_torchrun_gives_the_weights_of_one_process(rooms, tmp_path):
    one, many = tmp_path / "one.safetensors", tmp_path / "many.safetensors"
    run = (*TRAIN, "--batch-size", 30, "--root", rooms, "--device", "cpu", "--out")
    nnlab(*run, one)
    launcher = [*TORCHRUN, "--standalone", "--nproc-per-node=2", "--no-python"]
    out, _ = finish(start(*run, many, launcher=launcher))
    assert out.count("test loss") == 1
    first, second = load_file(one), load_file(many)
    for name, weights in first.items():
        torch.testing.assert_close(weights, second[name], rtol=0, atol=1e-5)


def test_a_killed_machine_ends_the_others(rooms, tmp_path):
    """Two agents, as on two machines: the second is killed together with its worker."""
    checkpoint = tmp_path / "run.pt"
    run = (*TRAIN, "--epochs", 100, "--root", rooms, "--checkpoint", checkpoint)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [*TORCHRUN, "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d"]
    launcher += [f"--rdzv-endpoint=127.0.0.1:{port}", "--max-restarts=0", "--no-python"]
    first, second = start(*run, launcher=launcher), start(*run, launcher=launcher)
    try:
        deadline = time.monotonic() + 90
        while not checkpoint.exists():
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.1)
        worker = subprocess.run(
            ["pgrep", "-P", str(second.pid)], capture_output=True, text=True, check=True
        )
        second.kill()
        for pid in worker.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        finish(first, code=1)
    finally:
        for process in (first, second):
            process.kill()
            process.communicate()
    nnlab(*run, "--out", tmp_path / "end.safetensors")  # one process goes on alone
    assert (tmp_path / "end.safetensors").exists()
