"""Lesson 1 can be shown as slides: a question is asked before its answer is uncovered."""

import json
from itertools import pairwise

import pytest
from building import PROJECT
from nbconvert import SlidesExporter

LESSON = PROJECT / "nbs" / "01_activations.ipynb"
KINDS = {"", "slide", "subslide", "fragment", "skip"}


@pytest.fixture(scope="module")
def cells():
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    return [
        (cell["metadata"].get("slideshow", {}).get("slide_type", ""), "".join(cell["source"]))
        for cell in cells
    ]


def test_sections_are_slides_and_questions_come_before_their_answers(cells):
    assert {kind for kind, _ in cells} <= KINDS
    for (kind, source), (following, _) in pairwise(cells):
        if kind != "skip" and source.startswith(("# ", "## ")):
            assert kind == "slide", source[:60]
        if source.startswith("**Predict:**"):
            assert kind == "subslide", source[:60]
            assert following == "fragment", source[:60]


def test_solutions_hints_and_plumbing_are_not_shown(cells):
    for kind, source in cells:
        if "### BEGIN SOLUTION" in source or source.startswith(("exercises.", "#| hide")):
            assert kind == "skip", source[:60]


@pytest.mark.slow
def test_the_deck_is_made(cells):
    page, _ = SlidesExporter().from_filename(LESSON)
    shown = [kind for kind, _ in cells if kind in ("slide", "subslide")]
    assert page.count("<section") > len(shown) > 50
    assert "BEGIN SOLUTION" not in page
