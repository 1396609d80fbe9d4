"""MPS, Apple's GPU, has no float64: nothing of the package asks for it there.

No such computer is needed: a tensor that says that it is there refuses float64, as MPS does.
"""

import pytest
import torch
from torch import Tensor, nn

from nnlab_course.activations import saturated_fraction
from nnlab_course.autograd import numerical_gradient
from nnlab_course.data import Split
from nnlab_course.data.dataset import channel_moments
from nnlab_course.exercises.answers import as_tensor
from nnlab_course.explorers.drawing import centre_drawings
from nnlab_course.plots.graph import matrix_rows
from nnlab_course.training import evaluate, fit
from nnlab_course.training.watch import watch_gradients


class OnMPS(Tensor):
    """A tensor on the CPU that behaves as one on MPS, until `cpu` brings it back."""

    is_mps = True

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            found = function(*args, **(kwargs or {}))
        if function is Tensor.cpu:
            return found.as_subclass(Tensor)
        if not isinstance(found, Tensor):
            return found
        if found.dtype == torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return found.as_subclass(cls)


def on_mps(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(shape, generator=generator).as_subclass(OnMPS)


def test_the_stand_in_refuses_what_mps_refuses():
    for ask in (
        lambda x: x.double(),
        lambda x: x.to(torch.float64),
        lambda x: x.sum(dtype=torch.float64),
        lambda x: torch.mul(x, torch.ones(1, dtype=torch.float64)),
        lambda x: (x > 0).double(),
    ):
        with pytest.raises(TypeError, match="float64"):
            ask(on_mps(2))
    assert on_mps(2).cpu().double().dtype == torch.float64


def watched(inputs):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    with watch_gradients(network) as stats:
        network(inputs).square().sum().backward()
    return torch.tensor([[s.output_mean, s.output_std, s.output_grad_norm] for s in stats.values()])


COMPUTED = {
    "saturated_fraction": lambda x: torch.tensor(saturated_fraction(torch.sigmoid, 9 * x)),
    "numerical_gradient": lambda x: numerical_gradient(lambda x: x.square().sum(), x),
    "channel_moments": lambda x: channel_moments((255 * x).byte()[None, None]),
    "as_tensor": as_tensor,
    "as_tensor of a list": lambda x: as_tensor([x, x]),
    "centre_drawings": lambda x: centre_drawings(x[None, None]),
    "matrix_rows": lambda x: torch.tensor([len(row) for row in matrix_rows(x)]),
    "watch": watched,
}


@pytest.mark.parametrize("name", COMPUTED)
def test_is_computed_there_as_on_the_cpu(name):
    there, here = COMPUTED[name](on_mps(3, 3)), COMPUTED[name](on_mps(3, 3).cpu())
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=0, equal_nan=True)


def test_training_and_judging_ask_for_no_float64_anywhere():
    images = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8).as_subclass(OnMPS)
    split = Split(images, torch.arange(20) % 3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    for schedule in ("constant", "one_cycle"):
        fit(
            model, split, valid=split, num_epochs=2, batch_size=8, schedule=schedule, progress=False
        )
    assert evaluate(model, split).loss > 0
