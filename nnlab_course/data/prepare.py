"""Make a store from a folder of pictures, and report what became of each file"""

# A plain module, edited here.

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnlab_course.data import layout, pictures
from nnlab_course.data.copies import same_files, same_pictures
from nnlab_course.data.dataset import Dataset, Split
from nnlab_course.data.folder import drop_copies, hold_out
from nnlab_course.data.loading import EMBEDDED, KNOWN, logger
from nnlab_course.data.pictures import Form, Picture
from nnlab_course.data.report import (
    ClassCount,
    Report,
    are_dark_on_light,
    file_name,
    is_one_colour,
)
from nnlab_course.data.store import data_root, store_path, store_workspace, write_store
from nnlab_course.files import shown


def read_class(
    files: list[Path],
    form: Form,
    skip: Callable[[Path, str], None],  # Called with each file that can't be used, and the reason
) -> list[Picture]:
    """Read the pictures of a class."""
    read = []
    for path in files:
        try:
            read.append(pictures.read_picture(path, form))
        except pictures.Unusable as error:
            skip(path, str(error))
    return read


@dataclass
class _Collected:
    """All pictures of a folder, in the order of their classes, with what goes into the report."""

    folder: Path
    pictures: list[Picture]
    labels: np.ndarray  # (N,)
    is_test: np.ndarray  # (N,), bool; nothing is True before the test part is held out
    report: Report

    def name(self, i: int) -> str:
        return file_name(self.pictures[i].path, self.folder)

    def pixels(self) -> np.ndarray:  # (N, size, size, channels), uint8
        return np.stack([picture.pixels for picture in self.pictures])


def _collect(folder: Path, found: layout.Layout, form: Form, report: Report) -> _Collected:
    """Read all pictures, and note those that can't be used."""
    read, labels, is_test = [], [], []

    def skip(path: Path, reason: str) -> None:
        report.not_used[file_name(path, folder)] = reason

    for path in found.loose:
        skip(path, "in no class's folder")
    for label, name in enumerate(found.train):
        parts = (found.train[name], found.test[name] if found.test else [])
        report.classes[name] = ClassCount(sum(map(len, parts)))
        for is_part, files in enumerate(parts):
            new = read_class(files, form, skip)
            read += new
            labels += [label] * len(new)
            is_test += [bool(is_part)] * len(new)
    return _Collected(folder, read, np.array(labels, int), np.array(is_test, bool), report)


def _refuse_empty(collected: _Collected, in_parts: bool) -> None:
    """Refuse a class of which nothing is left to train on or to test."""
    names, report = list(collected.report.classes), collected.report
    parts = {"training": ~collected.is_test, "test": collected.is_test}
    for label, name in enumerate(names):
        for part, chosen in parts.items():
            if not (collected.labels[chosen] == label).any():
                _refuse(name, part if in_parts else "", collected.labels == label, report)


def _refuse(name: str, part: str, pictures: np.ndarray, report: Report) -> None:
    """Say why a class can't be used, and what to do."""
    reasons = {r for f, r in report.not_used.items() if name in f.split("/")}
    hint = f" (not used: {'; '.join(sorted(reasons))})" if reasons else ""
    if part or not pictures.any():
        raise ValueError(
            f"class {name} has no {part + ' ' * bool(part)}pictures that can be used{hint}"
        )
    many = "one picture" if pictures.sum() == 1 else "one picture, several times"
    raise ValueError(f"class {name} has {many}; give at least two, or train/ and test/{hint}")


def _split(
    c: _Collected, found: layout.Layout, fraction: float, generator: torch.Generator
) -> None:
    """Choose the test pictures, and keep copies on one side."""
    digests = [picture.digest for picture in c.pictures]
    groups = same_pictures(c.pixels(), digests)
    if found.test is None:
        c.is_test = hold_out(c.labels, groups, fraction, generator)
        if len({*c.labels[c.is_test]}) < len(found.train):
            groups = same_files(digests)
            c.is_test = hold_out(c.labels, groups, fraction, generator)
    c.report.copies = [[c.name(i) for i in group] for group in groups if len(group) > 1]
    c.report.same_picture_two_labels = [
        [c.name(i) for i in group] for group in groups if len({*c.labels[group]}) > 1
    ]
    dropped = drop_copies(groups, c.is_test)
    for i, test in dropped.items():
        c.report.not_used[c.name(i)] = f"a copy of the test picture {c.name(test)}"
    kept = np.array([i for i in range(len(c.pictures)) if i not in dropped], int)
    c.pictures = [c.pictures[i] for i in kept]
    c.labels, c.is_test = c.labels[kept], c.is_test[kept]


def _remark(c: _Collected, whites: dict[str, float], invert: bool) -> None:
    """Note what was changed, and what should be looked at."""
    report, pixels = c.report, c.pixels()
    for i, picture in enumerate(c.pictures):
        for note in picture.notes:
            report.changed.setdefault(note, []).append(c.name(i))
        if is_one_colour(picture.pixels):
            report.one_colour.append(c.name(i))
    for scale, white in whites.items():
        report.notes.append(f"on the scale of the {scale}, {white:,.0f} was taken for white")
    if pixels.shape[-1] == 1 and not invert and are_dark_on_light(pixels):
        report.notes.append(
            "most pictures are dark on light, MNIST is light on dark: for a network that was "
            "trained on MNIST, prepare them with invert=True (--invert)"
        )


def _as_split(c: _Collected, chosen: np.ndarray, invert: bool) -> Split:
    """Make a split of the chosen pictures, and count them in the report."""
    pixels = c.pixels()[chosen].transpose(0, 3, 1, 2).copy()
    images = torch.from_numpy(255 - pixels if invert else pixels)
    labels = torch.from_numpy(c.labels[chosen])
    part = "test" if chosen is c.is_test else "train"
    for label, count in enumerate(c.report.classes.values()):
        setattr(count, part, int((labels == label).sum()))
    return Split(images, labels.long())


def _check(store: Path, form: Form, test_fraction: float) -> None:
    """Refuse what is not allowed as an argument of `prepare_pictures`."""
    name, size = store.stem, form.size
    if name.lower() in {*KNOWN, *EMBEDDED}:
        raise ValueError(f"{name!r} is the name of another dataset; give a different name=")
    whole = isinstance(size, int) and 1 <= size <= 1024
    if not (whole and form.channels in (1, 3) and 0 < test_fraction < 1):
        raise ValueError(
            f"got size={size}, channels={form.channels}, test_fraction={test_fraction}; allowed "
            "are a whole number from 1 to 1024, 1 or 3, and a number between 0 and 1"
        )
    pictures.check_colour(form.background)


def _check_space(found: layout.Layout, form: Form) -> None:
    """Refuse what wouldn't fit into memory, before anything is read."""
    parts = [*found.train.values(), *(found.test or {}).values()]
    gigabytes = sum(map(len, parts)) * form.channels * form.size**2 / 1e9
    if gigabytes > 4:
        raise ValueError(
            f"{sum(map(len, parts)):,} pictures of {form.size} x {form.size} take "
            f"{gigabytes:,.0f} GB, more than 4; use a smaller size"
        )


def prepare_pictures(
    folder: str | Path,  # One subfolder of pictures per class, or train/ and test/ of that form
    root: str | Path | None = None,  # The data folder, see `data_root`
    *,
    name: str | None = None,  # What to `load` it by; the folder's name unless given
    size: int = 32,  # Height and width in pixels
    channels: int = 3,  # 3 for RGB, 1 for grey
    test_fraction: float = 0.2,  # Share of each class to hold out, if there is no test folder
    background: str = "white",  # Colour under what is transparent
    invert: bool = False,  # Make dark light: for ink on paper and a network trained on MNIST
    generator: torch.Generator | None = None,  # Picks what is held out; the same unless given
) -> Report:
    """Make a store from a folder of pictures, and report what became of each file.

    **Raises:** `ValueError` if an argument is not allowed, the folder isn't laid out so, or a class
    has no pictures that can be used; `OSError` if the store can't be written.
    """
    folder, form = Path(folder).expanduser(), Form(size, channels, background)
    store = store_path(folder.resolve().name if name is None else name, data_root(root))
    _check(store, form, test_fraction)
    if not folder.is_dir():
        raise ValueError(
            f"{shown(folder)} is not a folder; give one with a subfolder for each class"
        )
    found = layout.find_layout(folder)
    _check_space(found, form)
    collected = _collect(folder, found, form, Report(store, "", {}, notes=found.notes))
    whites = pictures.scale_to_bytes(collected.pictures)
    if collected.pictures:
        generator = generator or torch.Generator().manual_seed(0)
        _split(collected, found, test_fraction, generator)
    _refuse_empty(collected, found.test is not None)
    _remark(collected, whites, invert)
    _write(collected, store, invert)
    return collected.report


def _write(c: _Collected, store: Path, invert: bool) -> None:
    """Make a dataset of the pictures, and write it."""
    splits = [_as_split(c, chosen, invert) for chosen in (~c.is_test, c.is_test)]
    source = f"pictures of the folder {layout.class_name(c.folder.resolve().name)}"
    dataset = Dataset(store.stem, *splits, tuple(c.report.classes), source)
    c.report.summary = str(dataset)
    with store_workspace(store.stem, store.parent, timeout=60):
        write_store(dataset, store)


def make_store(
    folder: str | Path,  # One subfolder of pictures per class, or train/ and test/ of that form
    root: str | Path | None = None,  # The data folder, see `data_root`
    **options: Any,  # Those of `prepare_pictures`: name, size, channels, test_fraction, …
) -> Path:  # The store
    """Make a store from a folder of pictures, for `load`; `prepare_pictures` returns the report.

    The classes are the subfolders, in natural order. A store of the same name is replaced (on
    Windows, not while a notebook has it loaded).

    **Raises:** what `prepare_pictures` raises.
    """
    report = prepare_pictures(folder, root, **options)
    if report.warning:
        logger.warning("%s: %s", report.path.stem, report.warning)
    return report.path
