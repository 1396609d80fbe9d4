"""What tutorials teach runs under marking, too, or the error says in a sentence why it can't."""

import io

import pytest
import torch
from walls import bubblewrap_starts

from nnlab_course.sandbox import Limits, Sandbox, Submission

SETTING = "import torch\nfrom torch import nn"
RUNS = {  # What a cell does, and what the name x is afterwards
    "workers": (
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "data = TensorDataset(torch.arange(6.0))\n"
        "loader = DataLoader(data, 4, num_workers=2, pin_memory=True, persistent_workers=True)\n"
        "x = [len(batch) for (batch,) in loader] + [loader.num_workers]",
        [4, 2, 0],
    ),
    "workers by position": (
        "from torch.utils.data import DataLoader\n"
        "x = [int(b.sum()) for b in DataLoader(torch.ones(4), 2, False, None, None, 2)]",
        [2, 2],
    ),
    "to cuda": ("x = torch.tensor(4.58).to('cuda').cpu().item() > 4", True),
    "to a device": ("x = str(torch.ones(2).to(torch.device('cuda:0')).device)", "cpu"),
    "cuda()": ("x = torch.ones(2).cuda().tolist()", [1, 1]),
    "made on cuda": ("x = torch.zeros(2, device='cuda').tolist()", [0, 0]),
    "to mps": ("x = torch.ones(1).to('mps').tolist()", [1]),
    "a network on cuda": (
        "net = nn.Linear(2, 1).cuda().to('cuda'); x = net(torch.ones(3, 2).cuda()).shape[0]",
        3,
    ),
    "cuda by default": ("torch.set_default_device('cuda'); x = torch.ones(2).tolist()", [1, 1]),
    "trained on cuda": (
        "net = nn.Linear(2, 1).to('cuda'); step = torch.optim.SGD(net.parameters(), 0.1)\n"
        "net(torch.ones(3, 2, device='cuda')).sum().backward(); step.step()\n"
        "torch.cuda.synchronize(); x = [p.grad.sum().item() for p in net.parameters()]",
        [6, 3],
    ),
    "if there is one": ("x = 'cuda' if torch.cuda.is_available() else 'cpu'", "cpu"),
    "Colab": (
        "from google.colab import drive, files\ndrive.mount('/content/drive')\n"
        "import google.colab.output\nfor name in files.upload(): print(name)\nx = 1",
        1,
    ),
    "await": ("import asyncio\nawait asyncio.sleep(0)\nx = await asyncio.sleep(0, 7)", 7),
    "async for": (
        "async def numbers():\n    yield 1\n    yield 2\nx = [n async for n in numbers()]",
        [1, 2],
    ),
    "asyncio.run": ("import asyncio\nx = asyncio.run(asyncio.sleep(0, 7))", 7),
    "a file": ("x = open('notes.txt').read()", "σ"),
    "a file in a folder": ("from pathlib import Path\nx = Path('data/a.csv').read_bytes()[0]", 49),
    "weights": ("x = torch.load('weights.pt')['bias'].tolist()", [1, 2]),
    "a module": ("from helper import seven\nx = seven", 7),
}
FILES = {"notes.txt": "σ".encode(), "data/a.csv": b"1,2", "helper.py": b"seven = 7", "empty": b""}
NETWORK = "there is no network when a notebook is marked, so nothing is downloaded"
SAYS = {  # What a cell does, and what is said of it
    "a download": ("import urllib.request as u\nu.urlretrieve('https://x.org/a')", NETWORK),
    "a connection": ("import socket\nsocket.create_connection(('x.org', 80))", NETWORK),
    "a command": (
        "import subprocess\nsubprocess.run(['pip', 'install', 'x'])",
        "no other program can be run when a notebook is marked",
    ),
    "a shell": (
        "import os\nos.system('ls')",
        "no other program can be run when a notebook is marked",
    ),
    "a process": (
        "from multiprocessing import Process\nProcess(target=print).start()",
        "no other process can be started when a notebook is marked",
    ),
}


@pytest.fixture(scope="module")
def sandbox():
    if not bubblewrap_starts():
        pytest.skip("needs bubblewrap and user namespaces (apt install bubblewrap)")
    with Sandbox(Limits(seconds=5.0, clock=30.0)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def files():
    saved = io.BytesIO()
    torch.save({"bias": torch.tensor([1.0, 2.0])}, saved)
    return FILES | {"weights.pt": saved.getvalue()}


@pytest.mark.parametrize("name", RUNS)
def test_runs(sandbox, files, name):
    cell, expected = RUNS[name]
    submission = Submission(sandbox, [SETTING, cell], files=files)
    assert submission.answers(["x"]) == [expected], submission.errors
    assert submission.errors == {}


@pytest.mark.parametrize("name", SAYS)
def test_says_why_not(sandbox, name):
    cell, sentence = SAYS[name]
    submission = Submission(sandbox, [cell, "x = 1"])
    assert submission.answers(["x"]) == [1]
    assert sentence in submission.errors[0]["message"]


def test_files_are_there_again_after_a_cell_that_ended_the_process(sandbox, files):
    cells = ["import os\nos.remove('notes.txt')\nos._exit(0)", "x = open('notes.txt').read()"]
    assert Submission(sandbox, cells, files=files).answers(["x"]) == ["σ"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"/etc/passwd": b""}, "no file below"),
        ({"../x": b""}, "no file below"),
        ({"": b""}, "no file below"),
        ({str(n): b"" for n in range(51)}, "more than 50 files or 32 MB"),
        ({"x": bytes(2**25 + 1)}, "more than 50 files or 32 MB"),
    ],
)
def test_files_are_few_small_and_below(sandbox, files, message):
    with pytest.raises(ValueError, match=message):
        Submission(sandbox, [], files=files)
