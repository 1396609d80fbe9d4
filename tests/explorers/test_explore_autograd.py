"""The stepper of lesson 2: gradients, order, predictions, score."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch
from explorer_page import barriers, explorer_page, picture_of
from matplotlib.figure import Figure
from playwright.sync_api import expect

from nnlab_course.explorers.autograd import (
    GraphStepper,
    agrees,
    hint,
    list_steps,
    on_enter,
    read_prediction,
    trace_all,
)
from nnlab_course.explorers.slips import list_slips

VALUES = {"p": -2.0, "q": -3.0, "r": 6.0}
GRADIENTS = {"r": 1.0, "q": -2.0, "p": -5.0, "b": -12.0, "a": 5.0}
M = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])


def scalars():
    """The lesson's small graph."""
    names = {"a": torch.tensor(2.0, requires_grad=True)}
    names["b"] = torch.tensor(-1.0, requires_grad=True)
    names["p"] = names["a"] * names["b"]
    names["q"] = names["p"] + names["b"]
    return names | {"r": names["p"] * names["q"]}


def matrices():
    """The lesson's large graph, with a name for every step."""
    x, y, z = (torch.ones(n, 2, requires_grad=True) for n in (3, 2, 3))
    steps = {"x": x, "y": y, "z": z, "y_tilde": 0.5 * y, "z_tilde": 0.25 * z}
    steps["z1"] = torch.mm(x, steps["y_tilde"])
    steps["z2"] = steps["z1"] + steps["z_tilde"]
    steps["m"] = M * steps["z2"]
    steps["y1"] = steps["m"] + steps["z_tilde"]
    return steps | {"o": steps["y1"].sum()}


def output(names):
    return list(names.values())[-1]


@pytest.fixture
def stepper():
    names = scalars()
    return GraphStepper(names["r"], names)


# --- values and gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("make", [scalars, matrices])
def test_gradients_are_those_of_backward(make):
    names = make()
    graph = trace_all(output(names), names)
    for tensor in names.values():
        tensor.retain_grad()
    output(names).backward()
    for name, tensor in names.items():
        assert torch.equal(graph.nodes[name]["grad"], tensor.grad)
        assert torch.equal(graph.nodes[name]["value"], tensor)


def test_changes_no_grad_and_frees_no_graph():
    names = scalars()
    names["p"].retain_grad()
    names["a"].grad, names["p"].grad = torch.tensor(7.0), (kept := torch.tensor(8.0))
    GraphStepper(names["r"], names)
    assert (names["a"].grad.item(), names["b"].grad) == (7.0, None)
    assert names["p"].grad is kept
    assert kept.item() == 8.0
    assert not names["q"].retains_grad
    names["r"].backward()
    assert (names["a"].grad.item(), names["p"].grad.item()) == (12.0, 3.0)


def test_numbers_are_copied():
    names = scalars()
    stepper = GraphStepper(names["r"], names)
    with torch.no_grad():
        names["a"].fill_(100.0)
    assert "a = 2," in stepper.describe()


def test_works_inside_no_grad():
    names = scalars()
    with torch.no_grad():
        assert trace_all(names["r"], names).nodes["a"]["grad"].item() == 5.0


def test_refuses_a_graph_that_was_freed():
    names = scalars()
    names["r"].backward()
    with pytest.raises(ValueError, match=r"can't go back.*second time.*Compute the output anew"):
        GraphStepper(names["r"], names)
    assert names["a"].grad.item() == 5.0


def test_refuses_what_has_no_name():
    a = torch.tensor(2.0, requires_grad=True)
    with pytest.raises(ValueError, match="Mul 1: no name is given"):
        GraphStepper(o := a * 2 + a, {"a": a, "o": o})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x * 2, r"output has shape \(2, 2\); step through a graph that ends in a single"),
        (lambda x: x.sum() / 0, "Sum 1: no name is given"),
    ],
)
def test_refuses_outputs(change, message):
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(ValueError, match=message):
        GraphStepper(o := change(x), {"x": x, "o": o})


@pytest.mark.parametrize("shape", [(5,), (2, 5), (1, 1, 1), (0,)])
def test_refuses_shapes_that_no_box_shows(shape):
    x = torch.ones(shape, requires_grad=True)
    with pytest.raises(
        ValueError, match=r"'x' has shape .*; a step asks for a number, or a matrix"
    ):
        GraphStepper(o := x.sum(), {"x": x, "o": o})


def test_refuses_a_gradient_that_is_infinite_and_complex_numbers():
    x = torch.tensor(0.0, requires_grad=True)
    with pytest.raises(ValueError, match="of 'x' isn't a finite real number"):
        GraphStepper(o := x.sqrt(), {"x": x, "o": o})
    c = torch.tensor(1j, requires_grad=True)
    with pytest.raises(ValueError, match="of 'c' isn't a finite real number"):
        GraphStepper(o := c.abs(), {"c": c, "o": o})


def test_refuses_operations_with_several_results():
    x = torch.ones(2, requires_grad=True)
    first, second = x.unbind()
    names = {"x": x, "first": first, "o": first * second}
    with pytest.raises(ValueError, match="'o' uses one of several results of an operation"):
        GraphStepper(names["o"], names)


def test_refuses_what_trace_refuses():
    with pytest.raises(ValueError, match="output has no grad_fn"):
        GraphStepper(torch.ones(()), {})
    names = scalars()
    with pytest.raises(TypeError, match="'half' names a float"):
        GraphStepper(names["r"], {**names, "half": 0.5})


def test_refuses_too_large_a_graph():
    step = torch.ones((), requires_grad=True)
    names = {"x": step}
    for number in range(100):
        step = names[f"y{number}"] = step * 1.0
    with pytest.raises(ValueError, match="the graph has 101 nodes; a drawing can show 1 to 100"):
        GraphStepper(step, names)


# --- order and hints ----------------------------------------------------------------------------


def test_order_of_the_steps():
    names = scalars()
    steps = list_steps(trace_all(names["r"], names), names)
    assert steps == [(n, "value") for n in VALUES] + [(n, "grad") for n in GRADIENTS]


def test_no_gradient_is_asked_for_before_all_that_use_the_node():
    names = matrices()
    graph = trace_all(names["o"], names)
    steps = list_steps(graph, names)
    assert len(steps) == 7 + 10
    for start, end in graph.edges:
        assert steps.index((end, "grad")) < steps.index((start, "grad"))
        if (start, "value") in steps:
            assert steps.index((start, "value")) < steps.index((end, "value"))


def test_hints():
    names = matrices()
    graph = trace_all(names["o"], names)
    assert hint(graph, "z1", "value") == "Mm of x and y_tilde"
    assert hint(graph, "m", "value") == "Mul of z2 and a constant"
    assert hint(graph, "o", "grad") == "the output with respect to itself"
    assert set(hint(graph, "z_tilde", "grad").removeprefix("handed back by ").split(" and ")) == {
        "z2 (Add)",
        "y1 (Add)",
    }


def test_hint_of_a_square():
    a = torch.tensor(3.0, requires_grad=True)
    graph = trace_all(o := a * a, {"a": a, "o": o})
    assert hint(graph, "o", "value") == "Mul of a (twice)"


# --- predictions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("-3", (), -3.0),
        (" 1.5 ", (), 1.5),
        ("\u22123", (), -3.0),  # a minus sign as it is printed
        ("+.5e1", (), 5.0),
        ("3", (1,), [3.0]),
        ("[1, 2]", (2,), [1.0, 2.0]),
        ("1, 2", (2,), [1.0, 2.0]),
        ("[[1, 2], [3, 4]]", (2, 2), [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_reads_predictions(text, shape, expected):
    assert read_prediction(text, shape).tolist() == expected


@pytest.mark.parametrize(
    "text",
    [
        "two",
        "1,5",
        "1/2",
        "[1, 2]",
        "nan",
        "1e999",
        "'3'",
        "None",
        "{1}",
        "(",
        "[" * 999,
    ],
)
def test_refuses_what_is_no_number(text):
    with pytest.raises(ValueError, match=r"can't be read; type a number, such as -1\.5"):
        read_prediction(text, ())


def test_quotes_no_more_than_a_line():
    with pytest.raises(ValueError, match="can't be read") as caught:
        read_prediction("9" * 5000, ())
    assert len(str(caught.value)) < 100


def test_says_what_a_matrix_looks_like():
    with pytest.raises(
        ValueError, match=r"a list of 2 rows of 1 numbers, such as \[\[0\], \[0\]\]"
    ):
        read_prediction("1", (2, 1))
    with pytest.raises(ValueError, match=r"a list of 3 numbers, such as \[0, 0, 0\]"):
        read_prediction("[1, [2]]", (3,))


@pytest.mark.parametrize(
    ("predicted", "actual", "right"),
    [
        (0.333, 1 / 3, True),
        (0.33, 1 / 3, False),
        (6.0004, 6.0, True),
        (6.4, 6.0, False),
        (3.04e-5, 3.0186e-5, True),
        (3.1e-5, 3.0186e-5, False),
        (2.03e6, 2_034_567.0, True),
        (-2.0, 2.0, False),
        ([[1.0, 2.0]], [[1.0, 2.0001]], True),
        ([[1.0, 2.0]], [[2.0, 1.0]], False),
    ],
)
def test_agrees_as_far_as_the_picture_shows(predicted, actual, right):
    assert agrees(torch.tensor(predicted), torch.tensor(actual)) is right


# --- slips ---------------------------------------------------------------------------------------


def slips_of(make, node, kind):
    names = make()
    graph = trace_all(output(names), names)
    return [(words, number.tolist()) for words, number in list_slips(graph, names, node, kind)]


def test_a_gradient_along_one_of_two_paths_is_named():
    assert slips_of(scalars, "b", "grad")[:2] == [
        ("that is only one of two paths, through p; add the one through q", -10.0),
        ("that is only one of two paths, through q; add the one through p", -2.0),
    ]
    slips = dict(slips_of(matrices, "z_tilde", "grad"))
    assert slips["that is only one of two paths, through z2; add the one through y1"] == M.tolist()


def test_slips_of_a_square_and_of_three_paths():
    def square():
        a = torch.tensor(3.0, requires_grad=True)
        return {"a": a, "o": a * a}

    def fork():
        a = torch.tensor(3.0, requires_grad=True)
        names = {"a": a, "b": 2 * a, "c": 5 * a, "d": 7 * a, "e": torch.zeros(())}
        names["e"] = names["b"] + names["c"]
        return names | {"o": names["e"] + names["d"]}

    assert slips_of(square, "a", "grad")[0] == (
        "that is only one of two uses in o; add them all",
        3,
    )
    slips = dict(slips_of(fork, "a", "grad"))
    assert slips["the path through c is missing"] == 9.0
    (through_b,) = (words for words, number in slips.items() if number == 2)
    assert through_b.startswith("that is only one of 3 paths, through b; add the one through")


def test_other_slips():
    slips = {words: number for words, number in slips_of(scalars, "q", "grad")}
    assert slips["only the sign is wrong"] == 2.0
    assert slips["that is the gradient at r; multiply it by the slope of r here"] == 1.0
    slips = dict(slips_of(scalars, "p", "value"))
    assert slips["you added; this is Mul"] == 1.0
    assert slips_of(scalars, "r", "grad")[0] == ("only the sign is wrong", -1.0)


@pytest.mark.parametrize("make", [scalars, matrices])
def test_no_slip_is_the_right_answer_or_said_twice(make):
    names = make()
    stepper = GraphStepper(output(names), names)
    for (node, kind), slips in zip(stepper.steps, stepper.slips, strict=True):
        numbers = [stepper.graph.nodes[node][kind].double(), *(number for _, number in slips)]
        for i, one in enumerate(numbers):
            assert not any(torch.allclose(one, other) for other in numbers[i + 1 :])
    output(names).backward()  # the graph is still there


def test_words_before_and_after_a_step(stepper):
    asked = "Step 1 of 8, forward: what is the value of p? Mul of a and b."
    assert stepper.describe() == f"{asked} Values: a = 2, b = -1."
    stepper.set(step=8)
    assert stepper.describe() == (
        "All 8 steps are revealed. Values: a = 2, b = -1, p = -2, q = -3, r = 6. "
        "Gradients: a = 5, b = -12, p = -5, q = -2, r = 1."
    )


@pytest.mark.parametrize("step", [-1, 9, 1.0, True, None, math.nan])
def test_refuses_a_step_that_is_not_there(stepper, step):
    names = scalars()
    with pytest.raises(ValueError, match="give a whole number from 0 to 8"):
        GraphStepper(names["r"], names, step=step)
    with pytest.raises(ValueError, match="give a whole number from 0 to 8"):
        stepper.set(step=step)
    assert stepper.state == {"step": 0}


# --- picture ------------------------------------------------------------------------------------


def test_picture_hides_and_frames(stepper):
    stepper.set(step=1)
    stepper.draw(figure := Figure(stepper.figsize))
    (ax,) = figure.axes
    texts = [text.get_text().strip() for text in ax.texts]
    assert (texts.count("?"), texts.count("-2"), texts.count("6")) == (7, 1, 0)
    framed = [p for p in ax.patches if hasattr(p, "get_boxstyle") and p.get_linewidth() == 2.8]
    assert len(framed) == 1
    assert figure.texts[0].get_text() == (
        "Step 2 of 8, forward: what is the value of q?\nAdd of p and b"
    )


@pytest.mark.parametrize("make", [scalars, matrices])
def test_every_step_can_be_drawn_and_leaks_no_figure(make):
    names = make()
    stepper = GraphStepper(output(names), names)
    for step in range(len(stepper.steps) + 1):
        stepper.set(step=step)
        stepper.picture(dpi=30)
    assert not plt.get_fignums()
    assert repr(stepper) == f"GraphStepper(step={step})"


# --- a field of ipywidgets -----------------------------------------------------------------------


@pytest.mark.parametrize("order", ["key first", "text first", "key alone"])
def test_enter_brings_the_text_along(order):
    async def press():
        field = ipywidgets.Text(continuous_update=False)
        got = []
        on_enter(field, lambda: got.append(field.value))
        if order != "key first":
            field.value = "3"
        assert got == []
        for _ in range(3):  # a key that is held down
            field._handle_custom_msg({"event": "submit"}, [])
        if order == "key first":
            field.value = "3"
        else:
            await asyncio.sleep(0.3)
        field.value = "4"
        await asyncio.sleep(0.2)
        assert got == ["3"]
        field.close()

    # In a thread: where a browser of another test is open, this one has a running loop already.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(press())).result()


# --- in the browser ---------------------------------------------------------------------------


@contextmanager
def stepping(browser, stepper, address="", **options):
    """Open a stepper; yield the page, its words, and what types an answer and waits for words."""
    with explorer_page(browser, stepper, address, **options) as page:
        words, field = page.get_by_role("status"), page.get_by_role("textbox")

        def answer(text, told):
            field.fill(text)
            page.keyboard.press("Enter")
            expect(words).to_contain_text(told)

        yield page, words, answer


def test_all_right_by_keys(browser, stepper):
    with stepping(browser, stepper) as (page, _, answer):
        seen = {picture_of(page)}
        for number, right in enumerate([*VALUES.values(), *GRADIENTS.values()], start=1):
            answer(f"{right:.0f}", f": right. {number} of {number} predictions right.")
            seen.add(picture_of(page))
        assert len(seen) == 9
        expect(page.locator(".nnlab-right")).to_have_count(8)
        expect(page.locator(".nnlab-question")).to_have_text("All 8 steps are revealed")
        expect(page.get_by_role("textbox")).to_be_disabled()
        shown = page.get_by_role("img").get_attribute("aria-label")
        for part in ("r = 6", "b = -12"):
            assert part in shown
        page.wait_for_url("**?step=8")


def test_a_wrong_number_is_marked_explained_and_tried_once_more(browser, stepper):
    with stepping(browser, stepper, "?step=6") as (page, _, answer):
        label = page.get_by_role("textbox").get_attribute("aria-label")
        assert label == "gradient at b"
        answer("-10", "-10 is not right: that is only one of two paths, through p; add the one")
        expect(page.locator(".nnlab-wrong")).to_have_count(1)
        assert page.get_by_role("textbox").input_value() == "-10"
        # The verdict stands beside the field, where one looks.
        boxes = [page.locator(name).bounding_box() for name in (".nnlab-verdict", "input")]
        assert 0 < boxes[0]["y"] - boxes[1]["y"] < 80
        answer("-12", "the gradient at b is -12: right at the second try. 1 of 1 predictions right")
        expect(page.locator(".nnlab-right")).to_have_count(1)
        answer("4", "4 is not right. One more try.")
        answer("-5", "the gradient at a is 5: not right: only the sign is wrong. 1 of 2")
        expect(page.locator(".nnlab-wrong")).to_have_count(1)


def test_what_can_not_be_read_reveals_nothing(browser, stepper):
    with stepping(browser, stepper) as (page, words, answer):
        answer("1,5", "Nothing is revealed: '1,5' can't be read; type a number, such as -1.5.")
        answer("", "Without a prediction: the value of p is -2.")
        expect(words).not_to_contain_text("predictions right")
        page.get_by_role("button", name="Back").click()
        expect(words).to_have_text("The value of p is hidden again.")
        answer("-2", "right. You had seen it before, so it doesn't count.")
        page.get_by_role("button", name="Start again").click()
        expect(words).to_have_text("Back at the start, and the score is 0.")
        answer("-2", "1 of 1 predictions right")


TEXTS = [("-3", ()), (" 1.5 ", ()), ("\u22123", ()), ("+.5e1", ()), ("3", (1,)), ("[1, 2]", (2,))]
TEXTS += [("1, 2", (2,)), ("[[1, 2], [3, 4]]", (2, 2)), ("two", ()), ("1/2", ()), ("[1, 2]", ())]
TEXTS += [("nan", ()), ("1e999", ()), ("None", ()), ("(", ()), ("1", (2, 1)), ("[1, [2]]", (3,))]
TEXTS += [("[[1, 2], [3]]", (2, 2)), ("9" * 400, ()), ("0.25", (3, 2))]
PAIRS = [(0.333, 1 / 3), (0.33, 1 / 3), (6.0004, 6.0), (6.4, 6.0), (3.04e-5, 3.0186e-5)]
PAIRS += [(3.1e-5, 3.0186e-5), (2.03e6, 2_034_567.0), (-2.0, 2.0), ([[1.0, 2.0]], [[1.0, 2.0001]])]
PAIRS += [([[1.0, 2.0]], [[2.0, 1.0]])]


def test_javascript_reads_and_compares_as_python_does(browser, stepper):
    expected = []
    for text, shape in TEXTS:
        try:
            expected.append(read_prediction(text, shape).tolist())
        except ValueError as error:
            expected.append(str(error))
    wanted = [[text, torch.zeros(shape).tolist()] for text, shape in TEXTS]
    with stepping(browser, stepper) as (page, *_):
        explorer = "document.querySelector('.nnlab-explorer').explorer"
        found = page.evaluate(
            f"""texts => texts.map(([text, shape]) => {{
                try {{ return {explorer}.read(text, shape) }} catch (told) {{ return told }} }})""",
            wanted,
        )
        assert found == expected
        agreed = page.evaluate(f"pairs => pairs.map(pair => {explorer}.agree(...pair))", PAIRS)
        assert agreed == [agrees(torch.tensor(a), torch.tensor(b)) for a, b in PAIRS]


def test_matrices_fit_a_phone_and_have_no_barrier(browser):
    names = matrices()
    stepper, size = GraphStepper(names["o"], names), (390, 844)
    with stepping(browser, stepper, size=size) as (page, _, answer):
        for scheme in ("light", "dark"):
            page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
            assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        answer(
            "[[0.5, 0.5], [0.5, 0.5]]",
            "and the value of y_tilde is [[0.5, 0.5], [0.5, 0.5]]: right",
        )
        answer("0.25", "a list of 3 rows of 2 numbers, such as [[0, 0], [0, 0], [0, 0]]")
