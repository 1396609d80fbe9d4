"""Time the explorers, without the browser's part, and the checks of the exercises."""

import os
import statistics
from collections.abc import Iterator

from table import Result, seconds

from nnlab_course.data import load
from nnlab_course.exercises import SameFunction, SameValue
from nnlab_course.explorers.activations import ActivationExplorer
from nnlab_course.explorers.convolution import ConvolutionMicroscope
from nnlab_course.explorers.drawing import DigitPad, trained_lenet
from nnlab_course.explorers.gradients import GradientExplorer
from nnlab_course.grading import import_lesson, lesson_names


def playing() -> Iterator[Result]:
    """Time the explorers, without the browser's part."""
    os.environ["NNLAB_STATIC"] = "0"
    digits = load("mnist").test.images[0] / 255
    learned = trained_lenet().features[0].weight
    moves = [i / 30 for i in range(30)]
    explorers = [
        (ActivationExplorer(), [{"x": move} for move in moves]),
        (GradientExplorer(depth=50), [{"gain": 1 + move} for move in moves]),
        (ConvolutionMicroscope(digits, learned=learned), [{"column": i % 20} for i in range(30)]),
    ]
    for explorer, changes in explorers:
        explorer._repr_mimebundle_()  # as a cell does that shows it
        times = [seconds(explorer.set, **change) for change in changes]
        name = f"redrawing {type(explorer).__name__} / 100 ms"
        note = f"median of 30; the longest took {max(times) * 1e3:.0f} ms"
        yield Result(name, statistics.median(times) / 0.1, 1.0, True, note)
        explorer.close()
    pad = DigitPad(trained_lenet())
    times = [seconds(pad.read, pad.drawing) for _ in range(30)]
    note = f"median of 30; the longest took {max(times) * 1e3:.1f} ms"
    yield Result("reading a drawing / 50 ms", statistics.median(times) / 0.05, 1.0, True, note)


def checking() -> Iterator[Result]:
    """Time the check of every exercise with a reference, answered by it, and of a trained LeNet."""
    known = {SameFunction: "reference", SameValue: "expected"}
    lessons = [import_lesson(name) for name in lesson_names()]
    spent = {}
    for exercise in (exercise for lesson in lessons for exercise in lesson.EXERCISES):
        judges = exercise.judges.values()
        if all(type(judge) in known for judge in judges):
            answers = [getattr(judge, known[type(judge)]) for judge in judges]
            exercise.judge(*answers)  # torch loads some parts at their first use
            spent[exercise.id] = seconds(exercise.judge, *answers)
    spent["4.8"] = seconds(import_lesson("lenet").trained_lenet.judge, trained_lenet())
    slowest = max(spent, key=spent.get)
    note = f"of {len(spent)} exercises; the slowest is {slowest}"
    yield Result("a check / 1 s", spent[slowest], 1.0, True, note)
