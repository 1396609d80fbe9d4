"""Notebooks for the tests of grading: four right answers of lesson 1, and how to write them."""

import json

from nnlab_course.grading import import_lesson

# A lesson has dozens of exercises; four answers are enough to see what happens to the others.
IMPORT = "import torch"
LOGISTIC = """\
def my_logistic(x):
    return 1 / (1 + torch.exp(-x))


def my_logistic_slope(x):
    return my_logistic(x) * (1 - my_logistic(x))
"""
LIMIT = "my_limit = 4.58"
DEAD = "def my_dead_count(z):\n    return int((z <= 0).all(dim=0).sum())\n"
GOOD = (IMPORT, LOGISTIC, LIMIT, DEAD)
EXERCISES = {exercise.slug: exercise for exercise in import_lesson("activations").EXERCISES}
FULL = {slug: EXERCISES[slug].points for slug in ("logistic", "saturation", "dead")}


def without(*slugs, **points):
    """The full marks, but none for these exercises, and so many for those."""
    return {slug: mark for slug, mark in FULL.items() if slug not in slugs} | points


def marks(record):
    """The exercises for which there are points."""
    slugs = {exercise.id: slug for slug, exercise in EXERCISES.items()}
    found = {slugs[exercise.id]: exercise.points for exercise in record.exercises}
    return {slug: points for slug, points in found.items() if points}


def notebook(cells, **extra):
    """Write a notebook as JupyterLab does; a cell can be a pair of kind and source."""
    written = []
    for number, cell in enumerate(cells):
        kind, source = cell if isinstance(cell, tuple) else ("code", cell)
        entry = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        entry |= {"execution_count": None, "outputs": []} if kind == "code" else {}
        written.append(entry | {"source": source.splitlines(keepends=True)})
    facts = {"metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(facts | {"cells": written} | extra)
