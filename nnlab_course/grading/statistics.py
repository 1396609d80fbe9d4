"""How hard an exercise was, how well it tells students apart, and which mistakes are frequent"""

# A plain module, edited here.

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation, mean
from typing import NamedTuple

from nnlab_course.grading.marks import ExerciseMark, Mark
from nnlab_course.grading.table import Row, exercise_ids

VERDICTS = ("right", "partly", "wrong", "unanswered")
_FEWEST = 5  # Students whose marks say something about an exercise


@dataclass(frozen=True)
class ExerciseStatistics:
    """How an exercise went in a class."""

    id: str
    title: str
    counts: dict[str, int]  # By verdict
    difficulty: float  # Mean share of the points, 0 to 1: the lower, the harder
    discrimination: float | None  # Correlation with the points of all other exercises, -1 to 1


class FrequentMistake(NamedTuple):
    """A mistake that was recognised."""

    count: int  # Notebooks in which it was made
    exercise: str
    slug: str
    example: str  # What was said about it


def exercise_statistics(chosen: Sequence[Row]) -> list[ExerciseStatistics]:
    """Sum up each exercise of one lesson."""
    graded = [row.mark for row in chosen if row.mark.exercises]
    by_id: dict[str, list[tuple[Mark, ExerciseMark]]] = {}
    for mark in graded:
        for exercise in mark.exercises:
            by_id.setdefault(exercise.id, []).append((mark, exercise))
    return [_sum_up(by_id[number]) for number in exercise_ids(graded)]


def _sum_up(pairs: Sequence[tuple[Mark, ExerciseMark]]) -> ExerciseStatistics:
    first = pairs[0][1]
    verdicts = Counter(exercise.verdict for _, exercise in pairs)
    shares = [exercise.points / exercise.of if exercise.of else 0.0 for _, exercise in pairs]
    rest = [mark.points - exercise.points for mark, exercise in pairs]
    return ExerciseStatistics(
        first.id,
        first.title,
        {verdict: verdicts[verdict] for verdict in VERDICTS},
        mean(shares),
        _correlation(shares, rest),
    )


def _correlation(shares: Sequence[float], rest: Sequence[float]) -> float | None:
    if len(shares) < _FEWEST:
        return None
    try:
        return correlation(shares, rest)
    except StatisticsError:  # all alike
        return None


def frequent_mistakes(
    marks: Sequence[Mark | Row],
) -> list[FrequentMistake]:  # The most frequent ones first
    """Count recognised mistakes, each once for a notebook."""
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for mark in (entry.mark if isinstance(entry, Row) else entry for entry in marks):
        found = {
            (exercise.id, part.mistake): part.message
            for exercise in mark.exercises
            for part in exercise.parts
            if part.mistake
        }
        counts.update(found.keys())
        examples = found | examples
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [FrequentMistake(count, *key, examples[key]) for key, count in ordered]


def distribution(chosen: Sequence[Row]) -> list[tuple[str, int]]:
    """Count the notebooks in each tenth of the points, the best ones first."""
    shares = [row.points / row.of for row in chosen if row.of]
    counts = Counter(min(int(share * 10), 9) for share in shares)
    return [
        (f"{10 * step}–{10 * step + (10 if step == 9 else 9)} %", counts[step])
        for step in range(9, -1, -1)
    ]
