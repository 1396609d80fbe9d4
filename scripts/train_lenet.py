"""Train the LeNet that the package carries, as lesson 4 does, on the real MNIST.

    NNLAB_DATA=... python scripts/train_lenet.py [OUT]

OUT is nnlab_course/lenet.safetensors unless given. It is run by hand. Three networks are trained,
with the seeds 0, 1 and 2; the first is written, and the accuracies of all three with it. Their last
digits may differ from one kind of machine to the next.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save

from nnlab_course.data import load
from nnlab_course.lenet import LeNet
from nnlab_course.training import evaluate, fit

OUT = Path(__file__).parent.parent / "nnlab_course" / "lenet.safetensors"
SEEDS = (0, 1, 2)


def train(mnist, seed: int) -> tuple[LeNet, float]:
    """Train one network; return it and its accuracy on the test images."""
    torch.manual_seed(seed)
    model = LeNet()
    shuffle = torch.Generator().manual_seed(seed)
    fit(model, mnist.train, num_epochs=3, batch_size=64, lr=5e-4, generator=shuffle)
    return model, evaluate(model, mnist.test).accuracy


def main(out: Path = OUT) -> None:
    """Write the weights and, as metadata, the accuracies."""
    mnist = load("mnist")
    if mnist.name != "mnist":
        sys.exit(f"this needs the real MNIST, but found {mnist}; set NNLAB_DATA")
    trained = [train(mnist, seed) for seed in SEEDS]
    weights = {name: value.contiguous() for name, value in trained[0][0].state_dict().items()}
    accuracies = json.dumps([round(accuracy, 4) for _, accuracy in trained])
    beside = out.with_suffix(".new")
    beside.write_bytes(save(weights, metadata={"accuracies": accuracies}))
    beside.replace(out)
    print(f"wrote {out}: accuracies {accuracies}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
