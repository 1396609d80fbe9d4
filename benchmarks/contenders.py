"""An epoch of the notes' recipe, as each framework does it: the same network, data in memory.

python benchmarks/contenders.py NAME NUM_IMAGES trains a first epoch, then one for each line that it
reads, and prints the seconds of each. It runs in the frameworks' own environment, in a process for
each of them, as Keras has one backend in a process. Whatever is not training is switched off:
progress bars, logs, checkpoints, validation.
"""

import functools
import os
import sys
import warnings
from collections.abc import Callable

from baselines import floor, notes_recipe, train_epochs
from table import seconds

from nnlab_course.data import Split, load
from nnlab_course.lenet import LeNet
from nnlab_course.training import fit

Epoch = Callable[[], object]
BATCH_SIZE, LR = 64, 5e-4


def tensors(split: Split):
    """Return floating images, and labels, as a set of torch's."""
    from torch.utils.data import TensorDataset

    return TensorDataset(split.images / 255, split.labels)


def loader(split: Split):
    """Return torch's usual batches of ready tensors."""
    from torch.utils.data import DataLoader

    return DataLoader(tensors(split), batch_size=BATCH_SIZE, shuffle=True)


def ours(split: Split) -> Epoch:
    """`fit`."""
    options = {"num_epochs": 1, "progress": False, "on_epoch": lambda history: None}
    return functools.partial(fit, LeNet(), split, batch_size=BATCH_SIZE, lr=LR, **options)


def steps(split: Split, batches: Callable = loader) -> Epoch:
    """The bare steps, on torch's usual batches."""
    from torch.optim import Adam

    model = LeNet()
    return functools.partial(floor, model, Adam(model.parameters(), lr=LR), batches(split))


def notes(split: Split) -> Epoch:
    """The loop of the notes, on torchvision's set."""
    model, optimizer, batches = notes_recipe(split, seed=0)
    return lambda: list(train_epochs(model, optimizer, batches, 1))


def lightning(split: Split) -> Epoch:
    """Lightning's Trainer."""
    from lightning import LightningModule, Trainer
    from torch.nn import functional as F
    from torch.optim import Adam

    class Classifier(LightningModule):
        def __init__(self):
            super().__init__()
            self.model = LeNet()

        def training_step(self, batch, index):
            images, labels = batch
            return F.cross_entropy(self.model(images), labels)

        def configure_optimizers(self):
            return Adam(self.parameters(), lr=LR)

    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    classifier, batches = Classifier(), loader(split)
    options = {"max_epochs": 1, "accelerator": "cpu"} | dict.fromkeys(off, False)
    return lambda: Trainer(**options).fit(classifier, batches)


def fastai(split: Split) -> Epoch:
    """fastai's Learner."""
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import Adam
    from torch import nn

    parts = tensors(split), tensors(split[:BATCH_SIZE])  # it wants something to judge by
    batches = DataLoaders.from_dsets(*parts, bs=BATCH_SIZE, num_workers=0, device="cpu")
    learner = Learner(batches, LeNet(), loss_func=nn.CrossEntropyLoss(), opt_func=Adam, lr=LR)

    def epoch():
        with learner.no_logging():
            learner.fit(1)

    return epoch


def skorch(split: Split) -> Epoch:
    """skorch's classifier."""
    from skorch import NeuralNetClassifier
    from torch import nn
    from torch.optim import Adam

    options = {"train_split": None, "iterator_train__shuffle": True, "verbose": 0}
    recipe = {"optimizer": Adam, "lr": LR, "batch_size": BATCH_SIZE, "max_epochs": 1}
    net = NeuralNetClassifier(LeNet, criterion=nn.CrossEntropyLoss, **recipe, **options)
    images, labels = tensors(split).tensors
    net.initialize()
    return lambda: net.partial_fit(images.numpy(), labels.numpy())


def keras(split: Split, backend: str) -> Epoch:
    """Keras: LeNet in its own layers."""
    os.environ["KERAS_BACKEND"] = backend
    from keras import Input, Sequential, layers, losses, optimizers

    net = Sequential([Input((28, 28, 1))])
    for channels in (6, 16):
        net.add(layers.Conv2D(channels, 5, activation="tanh"))
        net.add(layers.AveragePooling2D(2))
    net.add(layers.Flatten())
    for units, activation in ((120, "tanh"), (84, "tanh"), (10, None)):
        net.add(layers.Dense(units, activation=activation))
    if net.count_params() != sum(weights.numel() for weights in LeNet().parameters()):
        raise RuntimeError(f"Keras's LeNet has {net.count_params()} parameters, ours has others")
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizers.Adam(LR), loss)
    images, labels = tensors(split).tensors
    data = images.permute(0, 2, 3, 1).contiguous().numpy(), labels.numpy()
    return lambda: net.fit(*data, batch_size=BATCH_SIZE, epochs=1, verbose=0)


CONTENDERS = {
    "fit": ours,
    "DataLoader": steps,
    "notes": notes,
    "Lightning": lightning,
    "fastai": fastai,
    "skorch": skorch,
    "Keras on JAX": functools.partial(keras, backend="jax"),
    "Keras on torch": functools.partial(keras, backend="torch"),
}


def main(name: str, num_images: int) -> None:
    """Train an epoch whenever asked."""
    warnings.simplefilter("ignore")  # of the frameworks, about one another
    epoch = CONTENDERS[name](load("mnist").train[:num_images])
    epoch()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(f"took {seconds(epoch)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
