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
    "timed on cuda": (
        "start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2)); start.record()\n"
        "with torch.cuda.stream(torch.cuda.Stream()): x = f'{start.elapsed_time(end):.1f}'",
        "0.0",
    ),
    "types of cuda": (
        "x = torch.cuda.FloatTensor([4.5]).type(torch.cuda.DoubleTensor).tolist()",
        [4.5],
    ),
    "drawn on cuda": (
        "g = torch.Generator(device='cuda').manual_seed(0)\n"
        "x = isinstance(g, torch.Generator) and torch.rand(2, generator=g).numel()",
        2,
    ),
    "pinned": ("x = torch.ones(2).pin_memory().tolist()", [1, 1]),
    "compiled": ("@torch.compile\ndef double(a): return 2 * a\nx = double(2)", 4),
    "a compiled network": ("net = torch.compile(nn.Linear(2, 1)); net.compile(); x = 1", 1),
    "a pool": (
        "from multiprocessing import Pool, get_context\n"
        "with Pool(4) as pool: x = pool.map(abs, [-1]) + pool.starmap(pow, [(2, 3)])\n"
        "x += [*get_context('spawn').Pool().imap(abs, [-2]), pool.apply_async(abs, (-3,)).get()]",
        [1, 8, 2, 3],
    ),
    "an executor": (
        "from concurrent.futures import ProcessPoolExecutor as Executor\n"
        "with Executor(max_workers=4) as workers: x = list(workers.map(abs, [-1, -2]))",
        [1, 2],
    ),
    "a debugger": ("import pdb\nbreakpoint()\npdb.set_trace()\nx = 1", 1),
    "a keyboard": ("import getpass\nx = input('Press Enter') + getpass.getpass()", ""),
    "a shell": ("import os\nx = os.system('pip install x')", 127),
    "a window": (
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\n"
        "plt.plot([1]); plt.show()\nfrom PIL import Image\nImage.new('L', (1, 1)).show()\nx = 1",
        1,
    ),
    "folders of Colab": (  # /tmp stays as it is where the course itself lies in it
        "import os\nos.makedirs('/content/new', exist_ok=True)\n"
        "place = '/tmp/a' if os.path.islink('/tmp') else '/content/a'\n"
        "open(place, 'w').write('7')\nx = open(place).read()",
        "7",
    ),
    "a package that isn't here": (
        "import no_such_package.plots as plots, no_such_package\nfrom no_such_package.a import b\n"
        "plots.set_theme(); b[0] = b(1); x = len(no_such_package.read())",
        0,
    ),
    "what comes of a package that isn't here": (
        "import no_such_package as other\n@other.fast(cache=True)\ndef double(a): return 2 * a\n"
        "class Mine(other.Base): x = 3\n"
        "frame = other.Frame() * 2 - 1; frame /= 2; text = f'{-frame:.2f}'\n"
        "x = [double(2), Mine.x, bool(frame > 1), text]",
        [4, 3, False, "not available when marked"],
    ),
    "a package that may be missing": (
        "try:\n    import no_such_package\nexcept ImportError:\n    x = 1",
        1,
    ),
    "IPython's shell": (
        "import IPython\nfrom IPython import get_ipython as shell\n"
        "IPython.get_ipython().ast_node_interactivity = 'all'\n"
        "x = len(shell().getoutput('ls')) + len(get_ipython().getoutput('ls'))",
        0,
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
    "a process": (
        "from multiprocessing import Process\nProcess(target=print).start()",
        "no other process can be started when a notebook is marked",
    ),
}


@pytest.fixture(scope="module")
def sandbox():
    if not bubblewrap_starts():
        pytest.skip("needs bubblewrap and user namespaces (apt install bubblewrap)")
    limits = Limits(seconds=5.0, clock=30.0)
    with Sandbox(limits, modules=["matplotlib.pyplot"]) as sandbox:  # as for marking
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


def test_what_a_cell_shows_is_kept_as_jupyter_keeps_it(sandbox):
    cells = ["4.58", "x = _", "print(_)", "y = [_, Out[1], In[2], _i, *Out]", "3;", "z = _"]
    submission = Submission(sandbox, cells)
    expected = [4.58, [4.58, 4.58, "x = _", "print(_)", 1], 3]
    assert submission.answers(["x", "y", "z"]) == expected, submission.errors


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
