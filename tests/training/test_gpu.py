"""The same calls on a GPU: nothing in them names it."""

import json
import os
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn

from nnlab_course.cifar10 import ConvNet, augment
from nnlab_course.data import load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit, predict

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
QUIET = {"on_epoch": lambda history: None, "progress": False}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def make_lenet(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LeNet(activation=nn.ReLU, pool=nn.MaxPool2d)


def listen(model):
    """Record device and type of what the first layer returns."""
    seen = set()
    layer = model.features[0]
    layer.register_forward_hook(lambda _, __, out: seen.add((out.device.type, out.dtype)))
    return seen


def test_trains_on_the_gpu_in_mixed_precision_and_comes_home(digits):
    model = make_lenet()
    seen = listen(model)
    history = fit(model, digits.train, num_epochs=2, lr=2e-3, **QUIET)
    assert ("cuda", torch.bfloat16) in seen
    assert {weights.device.type for weights in model.parameters()} == {"cpu"}
    assert {weights.dtype for weights in model.parameters()} == {torch.float32}
    assert len(history.step_losses) == 2 * history.steps_per_epoch
    assert evaluate(model, digits.test).accuracy > 0.9


def test_learns_what_a_cpu_learns(digits):
    accuracies = []
    for device in ("cpu", "cuda"):
        model = make_lenet()
        fit(model, digits.train, num_epochs=2, lr=2e-3, device=device, **QUIET)
        accuracies.append(evaluate(model, digits.test).accuracy)
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.04)


def test_a_model_on_the_gpu_stays_there(digits):
    model = make_lenet().cuda()
    fit(model, digits.train[:256], num_epochs=1, **QUIET)
    assert {weights.device.type for weights in model.parameters()} == {"cuda"}
    assert predict(model, digits.test.images[:5]).is_cuda


def count_waits(train):
    """Count how often the program waits for the GPU in one epoch of batches of 16."""
    model = ConvNet(28, 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            fit(model, train, num_epochs=1, batch_size=16, augment=augment, **QUIET)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def test_waits_for_the_gpu_every_fifty_steps_only(digits):
    count_waits(digits.train[:160])  # what is done once is done here
    few, many = (count_waits(digits.train[: 16 * steps]) for steps in (100, 400))
    assert few > 0
    assert many - few == (400 - 100) / 50


def test_a_run_goes_on_from_its_checkpoint(digits, tmp_path):
    class Stop(Exception):
        pass

    def stop(history):
        if history.epochs[-1].epoch == 1:
            raise Stop

    train, path = digits.train[:2000], tmp_path / "run.pt"
    options = {"num_epochs": 3, "lr": 2e-3, "progress": False, "checkpoint": path}
    with pytest.raises(Stop):
        fit(make_lenet(), train, on_epoch=stop, **options)
    model = make_lenet(seed=1)
    history = fit(model, train, on_epoch=lambda history: None, **options)
    assert len(history.step_losses) == 3 * history.steps_per_epoch
    assert evaluate(model, digits.test).accuracy > 0.8


def test_a_loss_that_is_not_finite_stops_the_run(digits):
    with pytest.raises(FloatingPointError, match=r"not finite at step \d+ of"):
        fit(make_lenet(), digits.train, num_epochs=1, lr=1e30, **QUIET)


def test_torchrun_uses_nccl(tmp_path):
    code = "from nnlab_course.cli import main; main()"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=1"]
    command += ["--no-python", sys.executable, "-c", code]
    command += ["train", "--data", "digits", "--epochs", "1", "--json"]
    environment = os.environ | {"TORCH_CPP_LOG_LEVEL": "INFO", "NCCL_DEBUG": "VERSION"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)
    assert done.returncode == 0, done.stderr
    start = done.stdout.index("{")
    assert json.loads(done.stdout[start:])["test"]["accuracy"] > 0.8
    assert "NCCL version" in done.stdout + done.stderr
