"""Several processes train together, on the same batches, to the same weights as one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from nnlab_course.data import Split
from nnlab_course.training import fit
from nnlab_course.training.checkpoints import load_checkpoint

# 100 images in batches of 16: the last batch has 4, so of three processes one learns from 2 images;
# 97 of them would leave one image for two processes.
OPTIONS = {"num_epochs": 3, "batch_size": 16, "lr": 0.01, "progress": False}


def make_split(num_images=97):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (num_images, 1, 6, 6), dtype=torch.uint8, generator=generator)
    return Split(images, images[:, 0, 0, :3].argmax(1))


def make_model(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3))


def main(path, delay):
    """Train as one of several processes; the first saves the weights of the end."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    model, split = make_model(seed=rank), make_split()  # DDP starts from the first one's weights

    def transform(images):
        time.sleep(delay)
        return images / 255

    Path(f"{path}.pid{rank}").write_text(str(os.getpid()))
    history = fit(model, split, valid=split[:20], checkpoint=path, transform=transform,
                  checkpoint_seconds=0.0, **OPTIONS)  # fmt: skip
    torch.save({"model": model.state_dict(), "losses": history.step_losses}, f"{path}.end{rank}")
    torch.distributed.destroy_process_group()


def torchrun(num_processes, path, delay=0.0):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc-per-node={num_processes}", __file__, str(path), str(delay)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


@pytest.fixture(scope="module")
def alone():
    """The model and the history of one process."""
    model, split = make_model(), make_split()
    return model, fit(model, split, valid=split[:20], on_epoch=lambda history: None, **OPTIONS)


def assert_same_end(path, num_processes, alone):
    model, history = alone
    for rank in range(num_processes):
        end = torch.load(f"{path}.end{rank}", weights_only=True)
        for name, weights in model.state_dict().items():
            torch.testing.assert_close(end["model"][name], weights, rtol=0, atol=1e-5)
        assert end["losses"] == pytest.approx(history.step_losses, abs=1e-5)


@pytest.mark.parametrize("num_processes", [2, 3])
def test_same_weights_as_one_process(num_processes, alone, tmp_path):
    path = tmp_path / "run.pt"
    with torchrun(num_processes, path) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert_same_end(path, num_processes, alone)
    assert output.count("epoch 3, training loss") == 1  # only the first process prints


def test_killed_process_ends_the_others_and_another_number_goes_on(alone, tmp_path):
    path = tmp_path / "run.pt"
    with torchrun(2, path, delay=0.1) as process:
        deadline = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(int(Path(f"{path}.pid1").read_text()), signal.SIGKILL)
        output, _ = process.communicate(timeout=90)
    assert process.returncode != 0
    assert "SIGKILL" in output
    for rank in range(2):
        with pytest.raises(ProcessLookupError):
            os.kill(int(Path(f"{path}.pid{rank}").read_text()), 0)
    assert 0 < len(load_checkpoint(path)["history"]["step_losses"]) < 21

    with torchrun(3, path) as process:
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert_same_end(path, 3, alone)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
