"""Time the explorers, in Chromium, and the checks of the exercises."""

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from playwright.sync_api import sync_playwright
from table import Result, seconds

from nnlab_course.data import load
from nnlab_course.exercises import SameFunction, SameValue
from nnlab_course.explorers.activations import ActivationExplorer
from nnlab_course.explorers.autograd import GraphStepper
from nnlab_course.explorers.base import Explorer
from nnlab_course.explorers.convolution import ConvolutionMicroscope
from nnlab_course.explorers.drawing import DigitPad, trained_lenet
from nnlab_course.explorers.gradients import GradientExplorer
from nnlab_course.explorers.moons import MoonsTrainer
from nnlab_course.grading import import_lesson, lesson_names

sys.path += [
    str(Path(__file__).parents[1] / folder) for folder in ("tests/support", "docs", "scripts")
]
from explorer_page import explorer_page
from pad_page import load_network, read_in
from worksheet import find_browser

# Goes through the states; returns how long each took to draw, and to lay out, in milliseconds.
REDRAW = """async (states) => {
    const place = document.querySelector(".nnlab-explorer");
    const root = place.querySelector(".nnlab-live");
    const times = [];
    for (const state of states) {
        place.explorer.show(state);
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        root.getBoundingClientRect();
        times.push(Number(root.dataset.milliseconds) + performance.now() - start);
    }
    return times;
}"""


def explorers() -> Iterator[tuple[Explorer, list[dict]]]:
    """Yield each explorer, with thirty changes of its state."""
    moves = [i / 30 for i in range(30)]
    yield ActivationExplorer("gelu"), [{"x": move} for move in moves]
    yield GradientExplorer(), [{"gain": 1 + move} for move in moves]
    digit = load("mnist").test.images[0] / 255
    microscope = ConvolutionMicroscope(digit, learned=trained_lenet().features[0].weight)
    yield microscope, [{"kernel": f"learned {1 + i % 6}", "row": i % 20} for i in range(30)]
    a, b = (torch.tensor(value, requires_grad=True) for value in (2.0, -1.0))
    names = {"a": a, "b": b, "p": (p := a * b), "q": (q := p + b), "r": p * q}
    yield GraphStepper(names["r"], names), [{"step": i % 9} for i in range(30)]
    yield MoonsTrainer(), [{"seed": i} for i in range(30)]


def playing() -> Iterator[Result]:
    """Time what a move of an explorer takes in Chromium, and the reading of a drawing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        for explorer, changes in explorers():
            with explorer_page(browser, explorer) as page:
                times = page.evaluate(REDRAW, [explorer.state | change for change in changes])
            name = f"redrawing {type(explorer).__name__} / 16 ms"
            note = f"median of 30; the longest took {max(times):.0f} ms"
            yield Result(name, statistics.median(times) / 16, 1.0, True, note)
        page = browser.new_page()
        load_network(page)
        drawing = (255 * DigitPad(trained_lenet()).drawing).byte()
        times = [read_in(page, drawing)[1] for _ in range(30)]
        note = f"median of 30; the longest took {max(times):.1f} ms"
        yield Result("reading on the site / 16 ms", statistics.median(times) / 16, 1.0, True, note)
        browser.close()
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
