"""A student's code sees what the lesson needs, and feedback tells nothing of this machine."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from walls import bubblewrap_starts

from nnlab_course.exercises import AnswerError, as_tensor, call
from nnlab_course.sandbox import Limits, Sandbox, StudentError, Submission
from nnlab_course.sandbox.replies import without_folders, without_numbers


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data folder as it comes to be: stores, locks, downloads, notes."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for name in ("mnist.safetensors", "cifar10.safetensors", ".mnist.lock", ".x.safetensors"):
        (folder / name).write_bytes(b"numbers")
    (folder / "names.txt").write_text("private")
    return folder


@pytest.fixture(scope="module")
def sandbox(data):
    if not bubblewrap_starts():
        pytest.skip("needs bubblewrap and user namespaces (apt install bubblewrap)")
    with Sandbox(Limits(seconds=5.0), data=data, data_sets=["mnist"]) as sandbox:
        yield sandbox


def test_only_the_lessons_data_are_there(sandbox, data):
    cell = f"""
import os
folder = os.environ["NNLAB_DATA"]
seen = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
real = os.path.exists({str(data)!r})
"""
    seen, real = Submission(sandbox, [cell]).answers(["seen", "real"])
    assert seen == ["/sandbox-data/mnist.safetensors"]
    assert real is False


def test_errors_name_no_folder_of_this_machine(sandbox):
    cells = [
        "import os, sys, torch, nnlab_course",
        "raise ValueError(f'{sys.prefix} {torch.__file__} {nnlab_course.__file__}')",
        "from torch import nothing",
        "open(os.path.join(os.path.dirname(nnlab_course.__file__), 'checks'))",
    ]
    submission = Submission(sandbox, cells)
    submission.run()
    assert sorted(submission.errors) == [1, 2, 3]
    for error in submission.errors.values():
        for folder in (sys.prefix, sys.base_prefix, Path.home(), Path(__file__).parents[2]):
            assert str(folder) not in error["message"]
    assert without_folders(f"{sys.prefix}/lib") == "…/lib"


def test_errors_of_functions_tell_no_numbers(sandbox):
    cells = [
        "import torch",
        "def told(x): raise ValueError(str(x.tolist()))",
        "def named(x): raise type(f'E{int(x[0] * 1e6)}', (Exception,), {})",
        "def shapes(x): return x @ torch.ones(7, 7)",
    ]
    inputs = torch.tensor([0.73125, -2.5e-7])
    for function in Submission(sandbox, cells).answers(["told", "named", "shapes"]):
        with pytest.raises(StudentError) as raised:
            function(inputs)
        text = f"{type(raised.value).__name__}: {raised.value}"
        assert not any(letter.isdigit() for letter in text), text
    assert without_numbers("size (2x3), 1.5e-07 and 1,000") == "size (…x…), … and …"


def test_a_function_in_a_numbers_place_is_called_a_function(sandbox):
    cells = ["from torch import nn", "def f(x): return x", "net = nn.Sequential(nn.Linear(1, 1))"]
    function, network = Submission(sandbox, cells).answers(["f", "net"])
    for answer, kind in ((function, "function"), (network, "Sequential")):
        with pytest.raises(AnswerError, match=f"got a .*{kind}"):
            as_tensor(answer)


REPLIES = {  # What a network says of itself, and of which kind that isn't
    "num_parameters": "'many'",
    "state": "[1, 2]",
    "layers": "[('a', 'b', {'weight': ['x']}, {})]",
    "output_gradients": "{'weight': 'none'}",
    "trace": "torch.ones(2)",
}


@pytest.mark.parametrize("question", REPLIES)
def test_a_network_that_lies_about_itself_gets_no_points(sandbox, question):
    cells = [
        "import torch\nfrom torch import nn\nimport nnlab_course.exercises.networks as networks",
        f"networks.Network.{question} = lambda *a, **o: {REPLIES[question]}",
        "net = nn.Linear(2, 2)",
    ]
    (net,) = Submission(sandbox, cells).answers(["net"])
    inputs = (
        (torch.ones(1, 2), torch.tensor([0])) if question in ("output_gradients", "trace") else ()
    )
    with pytest.raises(AnswerError, match="did not keep to the rules") as raised:
        getattr(net.build_network(0), question)(*inputs)
    assert raised.value.mistake == "broke-the-rules"


def test_a_call_that_ends_the_process_is_told(sandbox):
    (f,) = Submission(sandbox, ["import os\ndef f(x): os._exit(0)"]).answers(["f"])
    with pytest.raises(AnswerError, match="could not be run to its end: it ended Python"):
        call(f, 1)


def test_the_students_side_loads_neither_data_nor_pictures():
    code = (
        "import sys, nnlab_course.sandbox.zygote\n"
        "print(*(n for n in sys.modules if n == 'PIL' or n.startswith('nnlab_course.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[1] for name in done.stdout.split() if name != "PIL"}
    assert "PIL" not in done.stdout.split()
    assert loaded == {"sandbox", "exercises"} | (loaded & {"files"})
