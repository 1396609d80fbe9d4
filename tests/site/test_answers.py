"""Exercises that are answered on the page: the page says what the check in a notebook says."""

import importlib

import pytest
import torch
from course_site import answers
from playwright.sync_api import expect
from site_browser import PHONE, tab

from nnlab_course.exercises import as_tensor
from nnlab_course.exercises.result import SYMBOLS

PAGES = {
    "02_autograd": {"2.1": 2, "2.2": 4, "2.3": 5, "2.4": 1, "2.5": 1, "2.6": 1},
    "04_lenet": {"4.1": 1, "4.2": 4, "4.3": 3},
}


def tried(exercise):
    """Yield answers to an exercise: right, every known mistake, slips, something else, partly."""
    right = [as_tensor(judge.expected) for judge in exercise.judges.values()]
    yield right
    yield [-value for value in right]
    generator = torch.Generator().manual_seed(1)
    other = [5 * torch.randn(value.shape, generator=generator) for value in right]
    yield other
    yield [right[0], *other[1:]]
    mistakes = [judge.mistakes for judge in exercise.judges.values()]
    for number in range(max(map(len, mistakes))):
        wrong = [as_tensor(known[number % len(known)].answers[0]) for known in mistakes]
        if all(w.shape == r.shape for w, r in zip(wrong, right, strict=True)):
            yield wrong


# A real keyboard types in the test below; here there are too many numbers for that.
FILL_AND_SEND = """(form, entries) => {
    const fields = [...form.querySelectorAll("input")];
    if (fields.length !== entries.length) throw new Error(`${fields.length} fields`);
    fields.forEach((field, n) => (field.value = entries[n]));
    form.requestSubmit();
}"""


def fill(form, values):
    """Fill a form with answers, and send it."""
    entries = torch.cat([value.flatten() for value in values]).tolist()
    form.evaluate(FILL_AND_SEND, [repr(entry) for entry in entries])


@pytest.mark.parametrize("page_name", PAGES)
def test_the_page_says_what_the_check_says(address, browser, page_name):
    lesson = page_name.partition("_")[2]
    exercises = {
        e.id: e for e in importlib.import_module(f"nnlab_course.checks.{lesson}").EXERCISES
    }
    with tab(browser, address) as page:
        page.goto(f"{address}/{page_name}.html")
        forms = page.get_by_role("form", name="Your answer to exercise")
        assert forms.count() == len(PAGES[page_name])
        for number, num_answers in PAGES[page_name].items():
            form = page.get_by_role("form", name=f"Your answer to exercise {number}")
            assert form.get_by_role("group").count() == num_answers
            for values in tried(exercises[number]):
                fill(form, values)
                result = exercises[number].judge(*values)
                verdict = f"{SYMBOLS[result.verdict]} Exercise {number}: {result.message}"
                assert form.get_by_role("status").inner_text() == verdict
                if num_answers > 1:
                    said = [f"{SYMBOLS[p.verdict]} {p.message}" for p in result.parts]
                    assert form.locator(".answer-verdict").all_inner_texts() == said


TYPED = {  # One after the other, so that no verdict is that of the answer before
    "": "… Exercise 2.4: not answered yet",
    "3/200": "✔ Exercise 2.4: right",
    "0,015": "✘ Exercise 2.4: a decimal number is written with a point: 0.015",
    "1.5e-2": "✔ Exercise 2.4: right",
    "a lot": "✘ Exercise 2.4: “a lot” is not a number; write 0.25 or 1/4",
    "1/0": "✘ Exercise 2.4: “1/0” is not a number; write 0.25 or 1/4",
}


def test_what_somebody_types(address, browser):
    with tab(browser, address, PHONE) as page:
        page.goto(f"{address}/02_autograd.html")
        form = page.get_by_role("form", name="Your answer to exercise 2.4")
        for text, verdict in TYPED.items():
            form.get_by_label("growth_of_o").fill(text)
            form.get_by_label("growth_of_o").press("Enter")
            expect(form.get_by_role("status")).to_have_text(verdict)


def test_what_takes_code_is_answered_in_the_notebook():
    assert answers.form("logistic") == ""
    assert answers.form("an exercise of another course") == ""
