"""What the course is compared with, written out in plain PyTorch and torchvision."""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms

from nnlab_course.data import Split
from nnlab_course.lenet import LeNet


def torchvision_dataset(kind: type, split: Split, transform: Callable) -> Dataset:
    """Give torchvision's class images that are in memory, in place of its files.

    Its `__getitem__`, which makes a PIL image of each picture and transforms it, is its own.
    """
    dataset = kind.__new__(kind)
    images, labels = split.images, split.labels
    is_mnist = kind is datasets.MNIST
    dataset.data = images[:, 0] if is_mnist else images.permute(0, 2, 3, 1).numpy()
    dataset.targets = labels if is_mnist else labels.tolist()
    dataset.transform, dataset.target_transform = transform, None
    return dataset


@torch.no_grad()
def accuracy(model: nn.Module, loader: DataLoader) -> float:
    """Count, batch by batch, how often a model is right."""
    model.eval()
    hits = sum((model(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return hits / len(loader.dataset)


def train_epochs(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loader: DataLoader,
    num_epochs: int,
) -> Iterator[float]:  # Seconds of training since the start, after each epoch
    """Run the loop of the notes."""
    seconds = 0.0
    for _ in range(num_epochs):
        start = time.perf_counter()
        model.train()
        losses = []
        for images, labels in loader:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        seconds += time.perf_counter() - start
        yield seconds


class PlainLeNet(LeNet):
    """The notes' network as it was written: the memory format is the usual one."""

    def __init__(self, *args: object, **kwargs: object):
        super().__init__(*args, **kwargs)
        self.to(memory_format=torch.contiguous_format)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images).flatten(start_dim=1))


def notes_recipe(train: Split, seed: int) -> tuple[nn.Module, torch.optim.Optimizer, DataLoader]:
    """Set up the notes' recipe for MNIST: batches of 64, Adam at 5e-4, tanh, average pooling."""
    torch.manual_seed(seed)
    dataset = torchvision_dataset(datasets.MNIST, train, transforms.ToTensor())
    model = PlainLeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    return model, optimizer, DataLoader(dataset, batch_size=64, shuffle=True)


def beginners_recipe(
    train: Split, seed: int
) -> tuple[nn.Module, torch.optim.Optimizer, DataLoader]:
    """Set up the usual first recipe for CIFAR-10: batches of 4, SGD at 0.001, two workers."""
    torch.manual_seed(seed)
    normalize = transforms.Normalize((0.5,) * 3, (0.5,) * 3)
    transform = transforms.Compose([transforms.ToTensor(), normalize])
    dataset = torchvision_dataset(datasets.CIFAR10, train, transform)
    model = PlainLeNet(32, 3, activation=nn.ReLU, pool=nn.MaxPool2d)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    return model, optimizer, DataLoader(dataset, batch_size=4, shuffle=True, num_workers=2)


def floor(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: list[tuple[Tensor, Tensor]],  # Floating images and labels, ready in memory
) -> None:
    """Forward, backward and step, and nothing else."""
    model.train()
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
