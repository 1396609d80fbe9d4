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


def train(path, delay=0.0):
    """Train as one of several processes; each saves the weights of the end."""
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


def train_as(rank, num_processes, path):
    """Train as torchrun would have it, in a process that has imported torch already."""
    with open(f"{path}.out{rank}", "w") as output:
        os.dup2(output.fileno(), sys.stdout.fileno())
        os.dup2(output.fileno(), sys.stderr.fileno())
    meet = {"init_method": f"file://{path}.meet", "rank": rank, "world_size": num_processes}
    torch.distributed.init_process_group("gloo", **meet)
    train(path)


def torchrun(num_processes, path, delay):
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


@pytest.fixture
def train_together(children):
    """Train in so many processes, to the end; return what each of them printed."""

    def run(num_processes, path):
        processes = [
            children.Process(target=train_as, args=(rank, num_processes, path))
            for rank in range(num_processes)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
        outputs = [Path(f"{path}.out{rank}").read_text() for rank in range(num_processes)]
        assert [process.exitcode for process in processes] == [0] * num_processes, outputs
        return outputs

    return run


@pytest.mark.parametrize("num_processes", [2, 3])
def test_same_weights_as_one_process(num_processes, alone, tmp_path, train_together):
    path = tmp_path / "run.pt"
    outputs = train_together(num_processes, path)
    assert_same_end(path, num_processes, alone)
    printed = [text.count("epoch 3, training loss") for text in outputs]
    assert printed == [1] + [0] * (num_processes - 1), "only the first process prints"


def test_killed_process_ends_the_others_and_another_number_goes_on(alone, tmp_path, train_together):
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

    train_together(3, path)
    assert_same_end(path, 3, alone)


if __name__ == "__main__":
    torch.distributed.init_process_group("gloo")
    train(sys.argv[1], float(sys.argv[2]))
