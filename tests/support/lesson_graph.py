"""The computation graph of lesson 2, as the tests use it."""

import torch

M = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])


def leaves(dtype=torch.float32):
    return [torch.ones(n, 2, dtype=dtype, requires_grad=True) for n in (3, 2, 3)]


def compute(x, y, z):
    steps = {"x": x, "y": y, "z": z, "y_tilde": 0.5 * y, "z_tilde": 0.25 * z}
    steps["z1"] = torch.mm(x, steps["y_tilde"])
    steps["z2"] = steps["z1"] + steps["z_tilde"]
    steps["y1"] = M.to(z.dtype) * steps["z2"] + steps["z_tilde"]
    return steps | {"o": steps["y1"].sum()}


def compute_with_gradients():
    """Every step of the graph after `backward`, each with its gradient."""
    steps = compute(*leaves())
    for tensor in steps.values():
        tensor.retain_grad()
    steps["o"].backward()
    return steps
