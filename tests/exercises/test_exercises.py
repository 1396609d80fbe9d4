"""The framework of the exercises tells right from wrong, says what is wrong, and never raises."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nnlab_course.exercises import (
    AnswerError,
    Exercise,
    Mistake,
    NotAnswered,
    Progress,
    Result,
    SameFunction,
    SameValue,
    as_tensor,
    build_network,
    call,
    combine,
    compare,
    is_unanswered,
    progress,
)

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


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        EXPECTED,
        EXPECTED.double(),
        EXPECTED.half(),
        EXPECTED.clone().requires_grad_(),
        EXPECTED.T.contiguous().T,
        EXPECTED.to_sparse().to_dense(),
        EXPECTED.numpy(),
        EXPECTED.tolist(),
        [tuple(row) for row in EXPECTED.tolist()],
        list(EXPECTED),
        nn.Parameter(EXPECTED),
    ],
    ids=str,
)
def test_right_answers_in_any_form(answer):
    assert compare(answer, EXPECTED).verdict == "right"


class AlwaysEqual(torch.Tensor):
    """A tensor that answers every comparison in its own favour."""

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), kwargs=None):
        return True


def test_a_tensor_with_comparisons_of_its_own_is_read_as_plain_numbers():
    answer = torch.zeros(3, 2).as_subclass(AlwaysEqual)
    assert type(as_tensor(answer)) is torch.Tensor
    assert compare(answer, EXPECTED).verdict == "wrong"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("three", "got the text 'three'"),
        ([[1, 2], [3]], "differ in length"),
        ({"a": 1}, "can't be read"),
        (object(), "can't be read"),
        (1j, "complex"),
        (torch.zeros(2, device="meta"), "can't be read"),
        (np.array(["a"]), "got the text 'a'"),
        (torch.zeros(1).expand(10**12), "more than a million"),
        (np.broadcast_to(np.zeros(1), 10**9), "more than a million"),
        ([0] * 2_000_000, "more than 100,000"),
        ([[0] * 1000] * 5000, "more than 100,000"),
    ],
    ids=lambda value: str(type(value)),
)
def test_what_is_no_number_is_refused(answer, message):
    with pytest.raises(AnswerError, match=message):
        as_tensor(answer)


def test_a_list_within_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(AnswerError, match="nested"):
        as_tensor(endless)
    assert not is_unanswered(endless)


@pytest.mark.parametrize("answer", [None, ..., [...], [1, [2, ...]], {...}, (None, None)], ids=str)
def test_unanswered(answer):
    assert is_unanswered(answer)


@pytest.mark.parametrize("answer", [0, "", [], False, torch.zeros(3), [0, [1]], (1, None)], ids=str)
def test_answered(answer):
    assert not is_unanswered(answer)


# --- comparing ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "mistake", "message"),
    [
        (EXPECTED.T, "transposed", "the numbers are correct, but rows and columns are swapped"),
        (EXPECTED[:2], "too-short", r"the last entry .* expected shape \(3, 2\), got \(2, 2\)"),
        (EXPECTED[:1] + 1, "shape", r"^expected shape \(3, 2\), got \(1, 2\)$"),
        (EXPECTED.flatten(), "dimensions", r"expected shape \(3, 2\), got \(6,\)"),
        (-EXPECTED, "sign", "sign"),
        (EXPECTED.flip(1), "reversed", "each row is reversed"),
        (EXPECTED[[1, 2, 0], [1, 0, 0]], "shape", "shape"),
        (EXPECTED.flatten()[[0, 2, 1, 5, 4, 3]].reshape(3, 2), "order", "not in their places"),
        (EXPECTED * 4, "factor", "every value is 4 times the expected one"),
        (EXPECTED + torch.eye(3)[:, 1:], "off-diagonal", "only the diagonal is correct"),
        (
            EXPECTED + EXPECTED**2,
            "value",
            r"^5 of 6 entries are wrong; furthest .* \[1, 1\]",
        ),
        (EXPECTED * float("nan"), "not-finite", "not finite"),
        (EXPECTED / 0, "not-finite", "not finite"),
        (EXPECTED * 0, "zero", "all values are 0"),
    ],
)
def test_wrong_answers_get_a_diagnosis(answer, mistake, message):
    result = compare(answer, EXPECTED)
    assert (result.verdict, result.points, result.mistake) == ("wrong", 0, mistake)
    assert not result
    assert re.search(message, result.message)


def test_swapped_rows_and_columns_of_a_square():
    square = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert compare(square.T, square).mistake == "transposed"


def test_a_wrong_number_is_repeated_and_the_right_one_is_not_told():
    message = compare(0.0038, -3.0186e-05, atol=1e-8).message
    assert "0.0038" in message
    assert "3.0186" not in message


def test_one_number_in_a_list_is_a_number():
    assert compare([3], 3.0)
    assert compare([[3]], 3.0)
    assert compare([3, 3], 3.0).mistake == "shape"


def test_the_reference_comes_before_the_mistakes_and_they_come_in_order():
    mistakes = [Mistake(slug, slug, 2.0) for slug in ("first", "second")]
    assert compare(2, 2.0, mistakes)
    assert compare(2, 3.0, mistakes).mistake == "first"


def test_an_empty_answer():
    assert compare([], EXPECTED).mistake == "shape"
    assert compare([], [])


# --- functions ----------------------------------------------------------------------------------


def branches(x):
    return x if x > 0 else 0 * x


def by_math(x):
    import math

    return math.tanh(x)


def forgets(x):
    torch.tanh(x)


def in_place(x):
    return x.mul_(0)


def leaves(x):
    raise SystemExit(3)


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def silent(x):
    raise Silent


@pytest.mark.parametrize(
    ("function", "verdict", "mistake"),
    [
        (torch.tanh, "right", None),
        (lambda x: torch.sigmoid(2 * x) * 2 - 1, "right", None),
        (lambda x: np.tanh(x.numpy()), "right", None),
        (lambda x: [np.tanh(v) for v in x.tolist()], "right", None),
        (forgets, "unanswered", None),
        (lambda x: ..., "unanswered", None),
        (lambda x: [...], "unanswered", None),
        (torch.sigmoid, "wrong", "value"),
        (lambda x: -torch.tanh(x), "wrong", "sign"),
        (lambda x: torch.where(x < 0, 0, torch.tanh(x)), "wrong", "left-half"),
        (lambda x: torch.where(x > 0, 0, torch.tanh(x)), "wrong", "right-half"),
        (lambda x: 2 * torch.tanh(x), "wrong", "factor"),
        (torch.mean, "wrong", "reduced"),
        (branches, "wrong", "branch-on-tensor"),
        (by_math, "wrong", "math-on-tensor"),
        (lambda x: x.byte().mean(), "wrong", "bytes"),
        (lambda: 1, "wrong", "arguments-of-function"),
        (leaves, "wrong", "raised"),
        (silent, "wrong", "unreadable"),
        (3.0, "wrong", "not-a-function"),
        ("tanh", "wrong", "not-a-function"),
        (lambda x: "three", "wrong", "text"),
        (lambda x: x / 0, "wrong", "not-finite"),
        (in_place, "wrong", "zero"),
    ],
)
def test_functions(function, verdict, mistake):
    result = exercise(judges={"f": SameFunction(torch.tanh, ((X,),))}).judge(function)
    assert (result.verdict, result.mistake) == (verdict, mistake)
    assert X[0] == -3


def test_the_diagnosis_names_the_input_and_not_the_right_value():
    message = SameFunction(torch.tanh, ((X,),))(lambda x: torch.tanh(x) + (x > 2.9)).message
    assert message == "only x > 0 is wrong; furthest off at x = 3, where yours gives 1.995"


def test_a_mistake_must_fit_in_every_case():
    known = Mistake("sum", "that is the sum", lambda x: x.sum())
    judge = SameFunction(lambda x: x.mean(), ((torch.tensor([2.0]),), (X + 1,)), (known,))
    assert judge(torch.mean)
    assert judge(torch.sum).mistake == "sum"
    assert judge(lambda x: x.mean() * len(x) ** 0.5).mistake == "value"


def test_a_stand_in_may_say_what_happened_elsewhere():
    def stand_in(x):
        raise AnswerError("took more than 5 s", "too-slow")

    result = exercise().judge(3, stand_in)
    assert (result.parts[1].message, result.parts[1].mistake) == ("took more than 5 s", "too-slow")
    with pytest.raises(NotAnswered):
        call(lambda: None)


# --- exercises ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "verdict", "points", "mistake"),
    [
        ((3.0, torch.tanh), "right", 1, None),
        ((2.0, torch.tanh), "partly", 0.5, "one-path"),
        ((3.0, ...), "partly", 0.5, None),
        ((2.0, ...), "wrong", 0, "one-path"),
        ((2.0, torch.sigmoid), "wrong", 0, "one-path"),
        ((..., None), "unanswered", 0, None),
        ((..., lambda x: ...), "unanswered", 0, None),
        ((3.0,), "wrong", 0, "arguments"),
        ((3.0, torch.tanh, 1), "wrong", 0, "arguments"),
    ],
)
def test_the_parts_make_the_whole(answers, verdict, points, mistake):
    result = exercise().judge(*answers)
    assert (result.verdict, result.points, result.mistake) == (verdict, points, mistake)
    assert result.name == "Exercise 0.1"


class Hostile:
    """Raises at any touch."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


def test_no_object_makes_a_check_raise():
    result = exercise().check(Hostile(), Hostile())
    assert [part.verdict for part in result.parts] == ["wrong", "wrong"]
    assert exercise().check(3.0, Hostile()).points == 0.5


def test_results_show_themselves_as_text_and_as_escaped_html():
    result = combine([Result.wrong("`a<b` & c"), Result.right()], "Exercise 0.1")
    assert repr(result) == "◐ Exercise 0.1: 1 of 2 right\n  ✘ `a<b` & c\n  ✔ right"
    page = result._repr_html_()
    assert "<code>a&lt;b</code> &amp; c" in page
    assert "script" not in page
    assert repr(combine([Result.right()], "Exercise 0.2")) == "✔ Exercise 0.2: right"


def test_a_right_answer_leads_to_the_next_exercise():
    sample = exercise(id="0.8", slug="eighth", title="Eighth")
    assert sample.check(3.0, torch.tanh).next == ""
    exercise(id="0.9", slug="ninth", title="The `last`")
    result = sample.check(3.0, torch.tanh)
    assert repr(result).endswith("\n  next: 0.9 The `last`")
    assert "next: 0.9 The <code>last</code></div>" in result._repr_html_()
    assert sample.check(2.0, torch.tanh).next == sample.judge(3.0, torch.tanh).next == ""


def test_grading_for_nbgrader(monkeypatch):
    shown = []
    monkeypatch.setattr("sys.displayhook", shown.append)
    exercise().grade(3.0, torch.tanh)
    assert shown == []
    exercise().grade(3.0, torch.sigmoid)
    assert shown == [1.0]
    with pytest.raises(AssertionError, match="one path is missing"):
        exercise().grade(2.0, ...)


def test_hints_come_one_by_one():
    sample = exercise()
    assert repr(sample.hint()) == "Hint 1 of 2: look\nThe next one: hint(2)."
    assert repr(sample.hint(2)) == "Hint 2 of 2: look there\nIt is the last one."
    for number in (0, 3, -1, 99):
        assert repr(sample.hint(number)) == repr(sample.hint(2))
    page = sample.hint()._repr_html_()
    assert page.count("<details>") == 2
    assert "<details open>" in sample.hint(2)._repr_html_()


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "Your teacher hasn't published the solution of exercise 0.1."),
        ("{}", "Your teacher hasn't published the solution of exercise 0.1."),
        ('{"sample": "return 1 < 2"}', "Exercise 0.1, a worked solution:\n\nreturn 1 < 2"),
        ("{", "solutions.json can't be read (JSONDecodeError); ask your teacher."),
        ("[1]", "solutions.json can't be read (TypeError); ask your teacher."),
        ("\xff", "solutions.json can't be read (UnicodeDecodeError); ask your teacher."),
    ],
)
def test_solutions_are_shown_where_they_are_published(tmp_path, monkeypatch, content, text):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "solutions.json").write_text(content, encoding="latin-1")
    assert repr(exercise().solution()) == text
    page = exercise().solution()._repr_html_()
    assert ("return 1 &lt; 2" in page) == ("return" in text)


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A working directory, in what looks like a notebook, without results."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(progress, "MEMORY", progress._Memory())
    return tmp_path / "nnlab-progress.json"


def test_progress_is_kept_in_a_file(notebook):
    sample, other = exercise(), exercise(id="0.2", slug="other", title="Another")
    assert repr(Progress([sample, other])).startswith(
        "0 of 2 right, 0 of 4 points\n… 0.1 A sample: 0 of 2"
    )
    sample.check(3.0, torch.tanh)
    other.check(3.0, torch.sigmoid)
    expected = "1 of 2 right, 3 of 4 points\n✔ 0.1 A sample: 2 of 2\n◐ 0.2 Another: 1 of 2"
    assert repr(Progress([sample, other])) == expected
    assert '<progress value="3" max="4">' in Progress([sample, other])._repr_html_()
    assert set(json.loads(notebook.read_text())) == {"sample", "other"}
    assert [path.name for path in notebook.parent.iterdir()] == [notebook.name]
    sample.check(2.0, ...)
    assert Progress([sample]).earned == 0
    notebook.unlink()
    assert repr(Progress([sample])).startswith("0 of 1 right")


def test_judging_and_checking_outside_a_notebook_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exercise().judge(3.0, torch.tanh)
    exercise().check(3.0, torch.tanh)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"sample": 3}',
        b'{"sample": {"verdict": "right"}}',
        b'{"sample": {"verdict": "splendid", "points": 1}}',
        b'{"sample": {"verdict": ["right"], "points": 1}}',
        b'{"sample": {"verdict": "right", "points": 7}}',
        b'{"sample": {"verdict": "right", "points": NaN}}',
        b"[" * 100_000,
    ],
)
def test_an_unreadable_progress_is_an_empty_one(notebook, content):
    notebook.write_bytes(content)
    assert repr(Progress([exercise()])).startswith("0 of 1 right, 0 of 2 points")
    exercise().check(3.0, torch.tanh)
    assert repr(Progress([exercise()])).startswith("1 of 1 right, 2 of 2 points")


def test_progress_that_cannot_be_written_lasts_as_long_as_the_kernel(notebook):
    notebook.mkdir()  # the file can't be replaced, whoever runs this
    exercise().check(3.0, torch.tanh)
    assert "1 of 1 right" in repr(Progress([exercise()]))
    assert "(not saved: " in repr(Progress([exercise()]))
    assert [path.name for path in notebook.parent.iterdir()] == [notebook.name]
    notebook.rmdir()
    exercise(slug="other").check(3.0, torch.tanh)
    assert set(json.loads(notebook.read_text())) == {"sample", "other"}
    assert "not saved" not in repr(Progress([exercise()]))


# --- networks -----------------------------------------------------------------------------------


class Small(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Dropout(0.5), nn.Linear(3, 2))


@pytest.mark.parametrize(
    "answer", [Small, lambda: Small(), Small()], ids=["class", "function", "module"]
)
def test_networks_are_built_and_seen(answer):
    random_state = torch.random.get_rng_state()
    net = build_network(answer, seed=3)
    assert torch.equal(random_state, torch.random.get_rng_state())
    layers = net.layers()
    assert [layer.kind for layer in layers] == ["Linear", "BatchNorm1d", "Dropout", "Linear"]
    assert layers[0].shapes == {"weight": (3, 2), "bias": (3,)}
    assert layers[0].options["in_features"] == 2
    assert layers[2].options["p"] == 0.5
    assert net.num_parameters() == 9 + 6 + 8
    inputs = torch.randn(8, 2)
    assert torch.equal(net.outputs(inputs), net.outputs(inputs))  # no dropout
    assert net.outputs(inputs).dtype == torch.float32


@pytest.mark.parametrize("inplace", [False, True])
def test_gradients_of_outputs_predict_what_nudges_do(inplace):
    net = build_network(
        lambda: nn.Sequential(
            *(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(inplace), nn.Dropout(0.5)),
            *(nn.Linear(8, 8), nn.ReLU(inplace), nn.Linear(8, 2)),
        )
    )
    state = net.state()
    inputs, labels = torch.randn(16, 2), torch.arange(16) % 2
    gradients = net.output_gradients(inputs, labels)
    assert list(gradients) == ["0", "4", "6"]
    nudges = {name: torch.randn_like(gradient) for name, gradient in gradients.items()}

    def loss(step):
        outputs, _ = net.trace(inputs, {name: step * nudge for name, nudge in nudges.items()})
        return F.cross_entropy(outputs, labels).item()

    slope = sum((nudges[name] * gradient).sum().item() for name, gradient in gradients.items())
    assert (loss(1e-7) - loss(-1e-7)) / 2e-7 == pytest.approx(slope, rel=1e-4)
    torch.testing.assert_close(net.state(), state, rtol=0, atol=0)


def test_a_trace_lists_the_linear_layers_that_are_used_in_their_order():
    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.unused, self.first = (nn.Linear(2, 2) for _ in range(3))

        def forward(self, x):
            return self.last(torch.tanh(self.first(x)))

    net, inputs = build_network(Crossed), torch.randn(4, 2)
    outputs, seen = net.trace(inputs)
    assert list(seen) == ["first", "last"]
    torch.testing.assert_close(seen["first"], inputs.double())
    torch.testing.assert_close(outputs.float(), net.outputs(inputs))


def test_the_seed_decides_about_the_weights():
    first, again, other = (build_network(Small, seed=seed).state() for seed in (1, 1, 2))
    assert torch.equal(first["0.weight"], again["0.weight"])
    assert not torch.equal(first["0.weight"], other["0.weight"])


def test_a_stand_in_for_a_network_is_asked_itself():
    class StandIn:
        def build_network(self, seed):
            return f"elsewhere, seed {seed}"

    assert build_network(StandIn(), seed=4) == "elsewhere, seed 4"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda: None, NotAnswered),
        (lambda: ..., NotAnswered),
        (lambda: "LeNet", AnswerError),
        ("LeNet", AnswerError),
        (nn.Linear, AnswerError),
    ],
)
def test_what_is_no_network_is_refused(answer, error):
    with pytest.raises(error):
        build_network(answer)


def test_what_a_network_raises_is_reported():
    with pytest.raises(AnswerError, match="your code raised RuntimeError"):
        build_network(Small).outputs(torch.zeros(1, 5))


def test_a_network_computes_with_weights_that_are_sent_and_keeps_its_own():
    module = nn.Linear(2, 1)
    before = [p.clone() for p in module.parameters()]
    sent = {"weight": torch.tensor([[2.0, 3.0]]), "bias": torch.tensor([1.0])}
    assert build_network(module).outputs(torch.ones(1, 2), sent).tolist() == [[6.0]]
    assert all(torch.equal(p, b) for p, b in zip(module.parameters(), before, strict=True))


class Returns(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return self.value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "`forward` returns nothing; end it with `return`"),
        (
            (torch.zeros(1, 2), None),
            "the network returns a tuple, not one tensor; return the logits alone",
        ),
        ([0.0], "the network returns a list, not one tensor; return the logits alone"),
    ],
)
def test_a_network_returns_one_tensor(value, message):
    with pytest.raises(AnswerError) as caught:
        build_network(Returns(value)).outputs(torch.zeros(1, 2))
    assert str(caught.value) == message


class History:
    """Has the name of what `fit` returns."""


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (History(), "got a History: `fit` trains a network in place; hand in the network"),
        (lambda: History(), "got a History: `fit` trains a network in place; hand in the network"),
        ((nn.Linear(1, 1), None), "got a tuple: hand in the network alone"),
        (0.97, "expected a network (an `nn.Module`), got a float"),
    ],
)
def test_what_is_handed_in_for_a_network_is_named(answer, message):
    assert not is_unanswered(answer)
    with pytest.raises(AnswerError) as caught:
        build_network(answer)
    assert str(caught.value).endswith(message)


def test_a_function_that_changes_its_argument_is_refused_where_that_is_forbidden():
    def change(x):
        x += 1
        return x

    assert call(change, torch.zeros(2)).tolist() == [1, 1]
    with pytest.raises(AnswerError, match="your function changes the tensor that it is given") as e:
        call(change, torch.zeros(2), forbidden=("in-place",))
    assert e.value.mistake == "in-place"
    assert call(lambda x: x + 1, torch.zeros(2), forbidden=("in-place",)).tolist() == [1, 1]
