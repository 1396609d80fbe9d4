"""The stepper of lesson 2: gradients, order, predictions, score; and in JupyterLab."""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from lab_browser import open_notebook, photograph, run_cell, write_notebook
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

pytestmark = pytest.mark.usefixtures("with_widgets")

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


# --- a walk -------------------------------------------------------------------------------------


def test_all_right(stepper):
    for number in [*VALUES.values(), *GRADIENTS.values()]:
        stepper.reveal(str(number))
        assert stepper.news.endswith(": right.")
    assert stepper.describe() == (
        "You predicted 5, and the gradient at a is 5: right. 8 of 8 predictions right. "
        "All 8 steps are revealed. Values: a = 2, b = -1, p = -2, q = -3, r = 6. "
        "Gradients: a = 5, b = -12, p = -5, q = -2, r = 1."
    )
    stepper.reveal("1")
    assert stepper.news == "There is nothing more to reveal."
    assert stepper.state == {"step": 8}


def test_words_before_and_after_a_step(stepper):
    asked = "Step 1 of 8, forward: what is the value of p? Mul of a and b."
    assert stepper.describe() == f"{asked} Values: a = 2, b = -1."
    stepper.reveal("3")
    assert stepper.describe() == (
        "You predicted 3, and the value of p is -2: not right. 0 of 1 predictions right. "
        "Step 2 of 8, forward: what is the value of q? Add of p and b. "
        "Values: a = 2, b = -1, p = -2."
    )


def test_what_can_not_be_read_reveals_nothing(stepper):
    stepper.reveal("1,5")
    assert stepper.state == {"step": 0}
    assert stepper.verdicts == {}
    assert stepper.news == (
        "Nothing is revealed: '1,5' can't be read; type a number, such as -1.5."
    )


@pytest.mark.parametrize("nothing", ["", "  "])
def test_without_a_prediction(stepper, nothing):
    stepper.reveal(nothing)
    assert stepper.news == "Without a prediction: the value of p is -2."
    assert stepper.verdicts == {0: None}
    assert "predictions right" not in stepper.describe()


def test_only_the_first_prediction_counts(stepper):
    stepper.reveal("7")
    stepper.back()
    assert stepper.news == "The value of p is hidden again."
    stepper.reveal("-2")
    assert stepper.news.endswith("right. You had seen it before, so it doesn't count.")
    assert "0 of 1 predictions right" in stepper.describe()


def test_what_was_shown_from_the_start_does_not_count():
    names = scalars()
    stepper = GraphStepper(names["r"], names, step=2)
    stepper.back()
    stepper.reveal("-3")
    assert "doesn't count" in stepper.news
    stepper.set(step=5)
    stepper.set(step=3)
    stepper.reveal("1")
    assert "doesn't count" in stepper.news


def test_back_at_the_start_and_again(stepper):
    stepper.back()
    assert stepper.news == "This is the start."
    stepper.reveal("7")
    stepper.restart()
    assert (stepper.state, stepper.verdicts) == ({"step": 0}, {})
    stepper.reveal("-2")
    assert "1 of 1 predictions right" in stepper.describe()


def test_matrices_are_predicted_as_rows():
    names = matrices()
    stepper = GraphStepper(names["o"], names)
    stepper.reveal("[[0.5, 0.5], [0.5, 0.5]]")
    assert stepper.news == (
        "You predicted [[0.5, 0.5], [0.5, 0.5]], and the value of y_tilde is "
        "[[0.5, 0.5], [0.5, 0.5]]: right."
    )
    stepper.reveal("0.25")
    assert "a list of 3 rows of 2 numbers, such as [[0, 0], [0, 0], [0, 0]]" in stepper.news


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


# --- controls -----------------------------------------------------------------------------------


def shown(stepper):
    """Show a stepper; return its field, its three buttons, and what returns the words."""
    stepper._repr_mimebundle_()
    row, _, words = stepper._view.children
    return *row.children, lambda: words.value


def test_buttons(stepper):
    field, reveal, back, again, words = shown(stepper)
    assert field.description == "value of p"
    field.value = "-2"
    assert stepper.state == {"step": 0}  # leaving the field gives nothing away
    reveal.click()
    assert "You predicted -2, and the value of p is -2: right." in words()
    assert (field.value, field.description) == ("", "value of q")
    reveal.click()
    assert "Without a prediction" in words()
    field.value = "x"
    reveal.click()
    assert "Nothing is revealed" in words()
    assert field.value == "x"  # to be mended
    back.click()
    assert "The value of q is hidden again." in words()
    again.click()
    assert "Back at the start" in words()
    stepper.set(step=8)
    assert field.description == "all is revealed"


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


def test_closing_leaves_no_widget(stepper):
    before = set(_instances)
    field, reveal, *_ = shown(stepper)
    stepper.close()
    assert set(_instances) == before
    field.value = "-2"
    reveal.click()
    stepper.reveal("-2")
    assert stepper.state == {"step": 1}


CELL = """import torch
from nnlab_course.explorers.autograd import GraphStepper

a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(-1.0, requires_grad=True)
p = a * b
q = p + b
r = p * q
GraphStepper(r, {"a": a, "b": b, "p": p, "q": q, "r": r}, step=1)"""


def test_in_jupyterlab_by_keyboard_alone(lab):
    with open_notebook(lab, write_notebook(lab[2], "steps.ipynb", CELL)) as page:
        for _ in range(3):
            output = run_cell(page, "GraphStepper(r")
            expect(output.locator("img")).to_have_count(1)
        picture, words = output.locator("img"), output.get_by_role("status")
        pictures = {picture.get_attribute("src")}

        def type_in(text, label, answer):
            output.get_by_label(label).focus()
            page.keyboard.type(text)
            page.keyboard.press("Enter")
            expect(words).to_contain_text(answer)
            pictures.add(picture.get_attribute("src"))

        type_in("-3", "value of q", "You predicted -3, and the value of q is -3: right. 1 of 1")
        type_in("x", "value of r", "Nothing is revealed: 'x' can't be read")
        page.keyboard.press("Enter")  # the text hasn't changed
        expect(words).to_contain_text("Nothing is revealed: 'x' can't be read")
        page.keyboard.press("Control+a")
        type_in("7", "value of r", "You predicted 7, and the value of r is 6: not right. 1 of 2")
        type_in("", "gradient at r", "Without a prediction: the gradient at r is 1. 1 of 2")
        field = output.get_by_label("gradient at q")  # the next question has arrived
        expect(field).to_have_value("")
        field.focus()
        page.keyboard.type("-2")
        expect(field).to_have_value("-2")
        page.keyboard.press("Tab")  # to the button: nothing happens yet
        expect(output.get_by_role("button", name="Reveal")).to_be_focused()
        expect(words).to_contain_text("what is the gradient at q?")
        page.keyboard.press("Enter")
        expect(words).to_contain_text("and the gradient at q is -2: right. 2 of 3")
        photograph(page, "stepper")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(words).to_contain_text("The gradient at q is hidden again.")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(words).to_contain_text("Back at the start")
        assert len(pictures) == 4
        page.evaluate(
            "window.jupyterapp.commands.execute('apputils:change-theme', "
            "{theme: 'JupyterLab Dark'})"
        )
        page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        type_in("-2", "value of p", "and the value of p is -2: right. 1 of 1")
        photograph(page, "stepper-dark")
