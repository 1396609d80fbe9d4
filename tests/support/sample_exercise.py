"""An exercise for the tests of the framework."""

import torch

from nnlab_course.exercises import Exercise, Mistake, SameFunction, SameValue

EXPECTED = torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.5, 0.0]])
X = torch.linspace(-3, 3, 13)


def exercise(**changes):
    """One exercise with a value and a function."""
    judges = {
        "my_value": SameValue(3.0, (Mistake("one-path", "one path is missing", 2.0),)),
        "my_function": SameFunction(torch.tanh, ((X,),)),
    }
    fields = {"id": "0.1", "slug": "sample", "title": "A sample", "judges": judges}
    return Exercise(**{**fields, "hints": ("look", "look there"), "points": 2, **changes})
