"""Mark a class in parts, on several machines, and put the parts together"""

# A plain module, edited here.

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nnlab_course.grading.journal import register_from
from nnlab_course.grading.marks import Register
from nnlab_course.grading.submissions import HandedIn


def listing_of(submissions: Sequence[HandedIn]) -> str:
    """Tell one list of submissions from another, wherever its folder lies."""
    names = sorted(f"{item.student}\0{item.place}\0{item.path.name}" for item in submissions)
    return hashlib.sha256("\n".join(names).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def in_part(
    submissions: Sequence[HandedIn],
    shard: tuple[int, int],  # (3, 10): the third of ten
) -> list[HandedIn]:
    """Choose a part by students' names: somebody who hands in meanwhile moves nobody else."""
    part, total = shard

    def number(item: HandedIn) -> int:
        name = item.student.encode("utf-8", "backslashreplace")
        return int(hashlib.sha256(name).hexdigest(), 16) % total

    return [item for item in submissions if number(item) == part - 1]


def _require_same(parts: Sequence[Register], name: str, problem: str) -> None:
    if len({getattr(part, name) for part in parts}) > 1:
        raise ValueError(problem)


def merge(
    parts: Sequence[Register | dict],  # A dict: what the part's JSON holds
) -> Register:
    """Put the parts of a class together.

    **Raises:** `ValueError` if a part is missing or there twice, or if they don't fit together.
    """
    parts = [part if isinstance(part, Register) else register_from(part) for part in parts]
    counts = Counter(part.shard for part in parts)
    totals = {total for _, total in counts}
    if len(totals) != 1:
        raise ValueError(f"parts of different divisions: {sorted(totals)}")
    (total,) = totals
    missing = [part for part in range(1, total + 1) if (part, total) not in counts]
    twice = [part for (part, _), count in counts.items() if count > 1]
    if missing or twice:
        missing, twice = (missing or "none"), (twice or "none")
        raise ValueError(f"of {total} parts, missing: {missing}; twice: {twice}")
    _require_same(parts, "seed", "the parts have different seeds; give each the same --seed")
    _require_same(
        parts,
        "edition",
        "the parts were marked by different editions of the course or with different options",
    )
    _require_same(
        parts,
        "listing",
        "the parts saw different submissions: something was handed in or taken away between "
        "them; mark all parts again from one copy of the folder",
    )
    records = [record for part in parts for record in part.records]
    records.sort(key=lambda record: record.file)
    return replace(parts[0], shard=(1, 1), submissions=len(records), records=tuple(records))
