"""What the tests of the exercises' checks share."""

from collections import Counter
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

GENERAL = {"value", "shape", "order", "raised", "unreadable"}


class CasesOfLesson:
    """The tests of a lesson's checks, on right and on wrong answers; a subclass names these.

    A mistake of `GENERAL` stands for any diagnosis that isn't one of the exercise's own mistakes.
    `right` maps a slug to several complete answers. An entry of `wrong` is the slug, the name of
    one answer, what somebody gives there, and the mistake that is to be recognised.
    """

    module: Any
    right: dict[str, list[tuple]]
    wrong: list[tuple[str, str, Any, str]]

    @property
    def exercises(self):
        return {exercise.slug: exercise for exercise in self.module.EXERCISES}

    def pytest_generate_tests(self, metafunc):
        """Have pytest call a test with each answer."""
        if "answers" in metafunc.fixturenames:
            cases = [(slug, answers) for slug, several in self.right.items() for answers in several]
            metafunc.parametrize(("slug", "answers"), cases)
        if "mistake" in metafunc.fixturenames:
            metafunc.parametrize(("slug", "name", "answer", "mistake"), self.wrong)

    def test_right_answers(self, slug, answers):
        result = self.exercises[slug].judge(*answers)
        assert (result.verdict, result.points, result.mistake) == ("right", 1, None), result

    def test_wrong_answers_are_diagnosed(self, slug, name, answer, mistake):
        """The one wrong answer is diagnosed, and the right ones beside it still count."""
        exercise = self.exercises[slug]
        answers = dict(zip(exercise.names, self.right[slug][0], strict=True))
        assert name in answers
        result = exercise.judge(*(answers | {name: answer}).values())
        others = len(answers) - 1
        assert result.verdict == ("partly" if others else "wrong"), result
        assert result.points == others / len(answers)
        (part,) = (part for part in result.parts if part.name == name)
        assert part.verdict == "wrong"
        assert result.mistake == part.mistake
        if mistake in GENERAL:
            own = getattr(exercise.judges[name], "mistakes", ())
            assert part.mistake not in {known.slug for known in own}, result
        else:
            assert part.mistake == mistake, result

    def test_every_exercise_has_cases(self):
        """Every exercise has several right answers and at least five wrong ones."""
        assert set(self.right) == set(self.exercises)
        assert all(len(several) >= 2 for several in self.right.values())
        wrong = Counter(slug for slug, *_ in self.wrong)
        assert all(wrong[slug] >= 5 for slug in self.exercises), wrong
        named = {(slug, name) for slug, name, *_ in self.wrong}
        for slug, exercise in self.exercises.items():
            assert all((slug, name) in named for name in exercise.names), slug


class Oracle(nn.Module):
    """A network with the weights of another, which knows the classes of certain images.

    `share` is how much of them it knows; it gives another class to the others, and zeros for images
    that are not among them.
    """

    def __init__(self, network, images, labels, *, share=1.0, end=lambda logits: logits):
        super().__init__()
        self.network, self.end = network, end
        known = torch.arange(len(labels)) < round(share * len(labels))
        self.look = torch.randn(images[0].numel(), 8, generator=torch.Generator().manual_seed(0))
        self.table = images.flatten(1) @ self.look
        self.logits = 9 * F.one_hot(torch.where(known, labels, (labels + 1) % 10), 10).float()

    def forward(self, images):
        seen = images.flatten(1) @ self.look
        distance, index = torch.cdist(seen, self.table).min(1)
        return self.end(self.logits[index] * (distance < 1e-3 * seen.norm(dim=1))[:, None])
