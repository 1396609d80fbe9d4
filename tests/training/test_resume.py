"""Runs that are stopped, by whatever, go on as if nothing had happened."""

import os
import random
import signal
import time

import pytest
import torch
from jupyter_client import run_kernel
from torch import nn
from torchvision.transforms import v2

from nnlab_course.data import Split
from nnlab_course.training import evaluate, fit
from nnlab_course.training.checkpoints import CheckpointError, load_checkpoint


def quiet(history):
    """Print nothing."""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make_model(seed=0):
    """A network whose training draws random numbers and keeps running statistics."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
        return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(144, 3))


def make_split():
    images = torch.randint(0, 256, (200, 1, 8, 8), dtype=torch.uint8, generator=seeded())
    return Split(images, images[:, 0, 0, :3].argmax(1))


@pytest.fixture(scope="module")
def split():
    return make_split()


OPTIONS = {"num_epochs": 3, "batch_size": 16, "lr": 0.01, "schedule": "one_cycle"}
AUGMENT = v2.RandomHorizontalFlip()


def run(split, model, **changes):
    options = OPTIONS | {"augment": AUGMENT, "on_epoch": quiet} | changes
    return fit(model, split, valid=split[:40], **options)


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def uninterrupted(split):
    model = make_model()
    return model, run(split, model)


class StopAfter:
    """A transform that sends the process a real signal while a step runs."""

    def __init__(self, num_calls):
        self.left = num_calls

    def __call__(self, images):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return images / 255


@pytest.mark.parametrize("num_calls", [2, 3, 10, 16, 29, 42])
def test_interrupt_keeps_what_there_is_and_the_same_call_ends_the_same(
    split, uninterrupted, tmp_path, caplog, num_calls
):
    path = tmp_path / "run.pt"
    model = make_model()
    handler = signal.getsignal(signal.SIGINT)
    history = run(split, model, checkpoint=path, transform=StopAfter(num_calls))
    assert signal.getsignal(signal.SIGINT) is handler
    assert history.interrupted
    assert "model and history so far are kept" in caplog.text
    assert 0 <= len(history.step_losses) < 39
    history.plot()

    resumed = make_model(seed=9)  # its weights come from the checkpoint
    again = run(split, resumed, checkpoint=path)
    expected, complete = uninterrupted
    assert same(resumed, expected)
    assert again.step_losses == complete.step_losses
    assert again.step_losses[: len(history.step_losses)] == history.step_losses
    assert [row.valid for row in again.epochs] == [row.valid for row in complete.epochs]
    assert not again.interrupted
    assert again.step_seconds == sorted(again.step_seconds)


def test_interrupt_without_a_checkpoint_keeps_model_and_history(split):
    model = make_model()
    history = run(split, model, transform=StopAfter(12))
    assert history.interrupted
    assert len(history.step_losses) > 0
    assert not same(model, make_model())


CELL = """
import torch
from torch import nn
from nnlab_course.data import load
from nnlab_course.training import fit
digits = load("digits")
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
before = model[1].weight.detach().clone()
history = fit(model, digits.train, num_epochs=100_000)
"""


def test_stop_button_of_jupyter_keeps_model_and_history(forked_kernels):
    """What JupyterLab's button does: the kernel is interrupted while the cell runs."""
    with run_kernel() as client:

        def execute(code, on_output=lambda text: None):
            return client.execute_interactive(
                code,
                timeout=120,
                output_hook=lambda message: on_output(message["content"].get("text", "")),
            )["content"]

        def interrupt_in_epoch_2(text):
            if "epoch 2" in text:
                os.kill(pid, signal.SIGINT)

        seen = []
        execute("import os; print(os.getpid())", seen.append)
        pid = int("".join(seen))
        assert execute(CELL, interrupt_in_epoch_2)["status"] == "ok"
        seen.clear()
        learned = "bool((model[1].weight != before).any())"
        execute(f"print(history.interrupted, len(history.epochs) >= 3, {learned})", seen.append)
        assert "".join(seen).split() == ["True", "True", "True"]


def test_second_interrupt_stops_at_once(split):
    def impatient(images):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return images / 255

    calls = []

    def transform(images):
        calls.append(len(images))
        return impatient(images) if len(calls) == 8 else images / 255

    with pytest.raises(KeyboardInterrupt):
        run(split, make_model(), transform=transform)


def test_finished_run_is_only_read(split, uninterrupted, tmp_path):
    path = tmp_path / "run.pt"
    history = run(split, make_model(), checkpoint=path)
    content = path.read_bytes()
    model = make_model(seed=5)
    assert run(split, model, checkpoint=path) == history
    assert same(model, uninterrupted[0])
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 32}, "batch_size is 16 there and 32 here"),
        ({"lr": 0.02}, "lr is 0.01 there and 0.02 here"),
        ({"schedule": "constant"}, "schedule is one_cycle there and constant here"),
        ({"optimizer": torch.optim.SGD}, "optimizer is Adam there and SGD here"),
        ({"generator": torch.Generator().manual_seed(1)}, "seed's checksum"),
    ],
)
def test_checkpoint_of_another_run_is_refused(split, tmp_path, changes, message):
    path = tmp_path / "run.pt"
    run(split, make_model(), checkpoint=path, transform=StopAfter(9))
    content = path.read_bytes()
    with pytest.raises(
        CheckpointError, match=f"{message}.*make the same call as then; for a new run, give"
    ):
        run(split, make_model(), checkpoint=path, **changes)
    assert path.read_bytes() == content


def test_checkpoint_of_other_data_is_refused(split, tmp_path):
    path = tmp_path / "run.pt"
    run(split, make_model(), checkpoint=path, transform=StopAfter(9))
    with pytest.raises(CheckpointError, match="number of images is 200 there and 150 here"):
        run(split[:150], make_model(), checkpoint=path)
    with pytest.raises(CheckpointError, match="checksum of the labels"):
        run(Split(split.images, split.labels.flip(0)), make_model(), checkpoint=path)


def test_checkpoint_of_another_network_is_refused(split, tmp_path):
    path = tmp_path / "run.pt"
    run(split, make_model(), checkpoint=path)
    other = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    weight = other[1].weight.clone()
    with pytest.raises(CheckpointError, match="a checkpoint of another network"):
        run(split, other, checkpoint=path)
    assert torch.equal(other[1].weight, weight)


class TestPatience:
    def test_stops_and_goes_back_to_the_best_weights(self, split):
        seen = {}

        def remember(history):
            seen[len(history.epochs)] = evaluate(model, split[:40])

        model = make_model()
        history = run(
            split,
            model,
            num_epochs=50,
            lr=0.5,
            schedule="constant",
            optimizer=torch.optim.SGD,
            patience=3,
            on_epoch=remember,
        )
        losses = [row.valid.loss for row in history.epochs]
        best = losses.index(min(losses))
        assert len(losses) == best + 4 < 51
        assert evaluate(model, split[:40]) == history.epochs[best].valid == seen[best + 1]

    def test_is_remembered_by_a_checkpoint(self, split, tmp_path):
        options = {"num_epochs": 50, "lr": 0.5, "schedule": "constant", "patience": 3}
        options["optimizer"] = torch.optim.SGD
        expected = make_model()
        complete = run(split, expected, **options)
        model = make_model()
        run(split, model, checkpoint=tmp_path / "run.pt", transform=StopAfter(60), **options)
        model = make_model(seed=3)
        history = run(split, model, checkpoint=tmp_path / "run.pt", **options)
        assert history.step_losses == complete.step_losses
        assert same(model, expected)


def test_randomness_is_its_own(split):
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    first, second = make_model(), make_model()
    run(split, first)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(321)
    run(split, second)
    assert same(first, second)


def slow_unit_range(images):
    time.sleep(0.005)  # so that a kill falls into the run
    return images / 255


def train_in_process(path):
    """Train with a checkpoint after every step, and save the weights of the end."""
    model = make_model()
    run(make_split(), model, checkpoint=path, checkpoint_seconds=0.0, transform=slow_unit_range)
    torch.save(model.state_dict(), f"{path}.end")


def num_steps(path):
    state = load_checkpoint(path)
    return len(state["history"]["step_losses"]) if state else 0


def test_killed_again_and_again_it_ends_with_the_very_same_weights(
    uninterrupted, tmp_path, children
):
    path = tmp_path / "run.pt"
    chance, steps = random.Random(0), [0]
    for _ in range(4):
        process = children.Process(target=train_in_process, args=(path,))
        process.start()
        while num_steps(path) < steps[-1] + chance.randint(3, 7):
            assert process.is_alive()
        time.sleep(chance.uniform(0, 0.006))  # in the middle of whatever it does then
        process.kill()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        steps.append(num_steps(path))
    assert steps == sorted(set(steps))
    assert steps[-1] < 39
    process = children.Process(target=train_in_process, args=(path,))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    weights = torch.load(f"{path}.end", weights_only=True)
    expected, complete = uninterrupted
    assert all(torch.equal(weights[name], value) for name, value in expected.state_dict().items())
    assert load_checkpoint(path)["history"]["step_losses"] == complete.step_losses
