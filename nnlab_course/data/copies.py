"""Which pictures are copies of one another, also in another format or size"""

# A plain module, edited here.

from collections.abc import Iterable

import numpy as np

_MEAN, _LARGEST = 2.0, 24.0  # Differences of 255 that saving as JPEG or scaling leaves
_FLAT = 8.0  # Below this standard deviation pictures are alike without being copies


def same_files(digests: list[str]) -> list[list[int]]:
    """Group the positions of equal digests; whatever has no copy is a group of its own."""
    first: dict[str, int] = {}
    return _groups(len(digests), ((first.setdefault(d, i), i) for i, d in enumerate(digests)))


def same_pictures(
    pixels: np.ndarray,  # (N, ...), uint8
    digests: list[str],  # N, of the files
) -> list[list[int]]:  # Groups of positions, in order; together they are all of them
    """Group the pictures that differ by no more than saving or scaling changes them."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(digest, i), i) for i, digest in enumerate(digests)]
    return _groups(len(pixels), [*pairs, *_near(pixels.reshape(len(pixels), -1))])


def _near(flat: np.ndarray) -> Iterable[tuple[int, int]]:
    """Yield pairs of nearly equal rows; only rows of nearly equal mean are compared."""
    chunks = np.array_split(flat, len(flat) // 4096 + 1)  # so that floats don't fill the memory
    means = np.concatenate([chunk.mean(axis=1) for chunk in chunks])
    spread = np.concatenate([chunk.std(axis=1) for chunk in chunks])
    order = np.flatnonzero(spread > _FLAT)
    order = order[np.argsort(means[order], kind="stable")]
    coarse = np.stack([part.mean(axis=1) for part in np.array_split(flat, 16, axis=1)], axis=1)
    ends = np.searchsorted(means[order], means[order] + _MEAN, side="right")
    for position, end in enumerate(ends):
        row, others = order[position], order[position + 1 : end]
        others = others[(np.abs(coarse[others] - coarse[row]) <= 4 * _MEAN).all(axis=1)]
        for other in others:
            difference = np.abs(flat[row].astype(np.int16) - flat[other])
            if difference.mean() <= _MEAN and difference.max() <= _LARGEST:
                yield int(row), int(other)


def _groups(num: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Join positions that are linked by pairs."""
    leader = list(range(num))

    def find(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for a, b in pairs:
        low, high = sorted((find(a), find(b)))
        leader[high] = low
    groups: dict[int, list[int]] = {}
    for i in range(num):
        groups.setdefault(find(i), []).append(i)
    return list(groups.values())
