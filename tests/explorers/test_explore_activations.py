"""The explorer of lesson 1: stretches, state, words, controls; and in JupyterLab."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from ipywidgets.widgets.widget import _instances
from lab_browser import open_notebook, photograph, run_cell, write_notebook
from matplotlib.figure import Figure
from playwright.sync_api import expect

from nnlab_course.activations import ACTIVATIONS, saturated_fraction
from nnlab_course.explorers.activations import (
    PARAMETERS,
    ActivationExplorer,
    plot_saturation,
    saturated_stretches,
)

pytestmark = pytest.mark.usefixtures("with_widgets")

GRID = torch.linspace(-8, 8, 1601)


def shown(explorer):
    """Show an explorer; return its list, its two sliders, and what returns the words."""
    explorer._repr_mimebundle_()
    names, parameter, x, _, words = explorer._view.children
    return names, parameter, x, lambda: words.value


# --- stretches ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_stretches_hold_what_the_lesson_counts(name):
    stretches = saturated_stretches(ACTIVATIONS[name], GRID)
    inside = sum(((first <= GRID) & (last >= GRID)).sum().item() for first, last in stretches)
    assert inside / len(GRID) == pytest.approx(saturated_fraction(ACTIVATIONS[name], GRID))
    assert all(first <= last for first, last in stretches)


def test_stretches_begin_where_the_slope_says():
    (_, left), (right, _) = saturated_stretches(torch.tanh, GRID)
    edge = math.acosh(10)  # 1 / cosh² = 0.01
    assert left == pytest.approx(-edge, abs=0.011)
    assert right == pytest.approx(edge, abs=0.011)


def test_stretches_follow_the_threshold():
    assert saturated_stretches(F.relu, GRID, threshold=0.0) == []
    assert saturated_stretches(F.relu, GRID, threshold=2.0) == [(-8.0, 8.0)]


def test_stretches_of_one_point_and_of_none():
    assert saturated_stretches(F.relu, torch.tensor([-1.0])) == [(-1.0, -1.0)]
    assert saturated_stretches(F.relu, torch.tensor([])) == []


def test_plot_shades_and_names_the_stretches_once():
    ax = plot_saturation(torch.tanh, ax=Figure().subplots())
    assert len(ax.patches) == 2
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["$f(x)$", "$f'(x)$", "saturated: |f'(x)| < 0.01"]
    assert len(plot_saturation(F.leaky_relu, ax=Figure().subplots()).patches) == 0
    assert not plt.get_fignums()


# --- the state --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_begins_with_the_function_of_the_lesson(name):
    explorer = ActivationExplorer(name, x=-1.5)
    x = torch.tensor(-1.5, dtype=torch.float64, requires_grad=True)
    value = ACTIVATIONS[name](x)
    value.backward()
    assert explorer.point() == (-1.5, value.item(), x.grad.item())


def test_default():
    assert (
        repr(ActivationExplorer()) == "ActivationExplorer(function='tanh', parameter=None, x=1.0)"
    )


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        ("elu", 2.0, F.elu(torch.tensor(-1.0), alpha=2.0)),
        ("celu", 2.0, F.celu(torch.tensor(-1.0), alpha=2.0)),
        ("leaky_relu", 0.25, torch.tensor(-0.25)),
        ("leaky_relu", 0.0, torch.tensor(0.0)),
        ("softplus", 3.0, F.softplus(torch.tensor(-1.0), beta=3)),
    ],
)
def test_takes_a_parameter(name, parameter, expected):
    explorer = ActivationExplorer(name, parameter, x=-1)
    assert explorer.point()[1] == pytest.approx(expected.item(), abs=1e-6)
    assert f"{PARAMETERS[name][0]} = {parameter:.2f}" in explorer.describe()


def test_a_new_function_brings_its_usual_parameter():
    explorer = ActivationExplorer("elu", parameter=3)
    explorer.set(function="leaky_relu")
    assert explorer.state["parameter"] == 0.1
    explorer.set(function="relu")
    assert explorer.state["parameter"] is None
    explorer.set(function="celu", parameter=2.0)
    assert explorer.state["parameter"] == 2.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"function": "swish"}, "no function is called 'swish'; give one of sigmoid, tanh"),
        ({"parameter": 1.0}, "tanh has no parameter; leave out parameter=1.0"),
        ({"function": "celu", "parameter": 0.0}, "alpha of celu is 0.0; give 0.1 to 4.0"),
        ({"function": "softplus", "parameter": math.nan}, "beta of softplus is nan; give 0.1"),
        ({"x": 8.5}, "x is 8.5; give -8 to 8"),
        ({"x": math.nan}, "x is nan; give -8 to 8"),
    ],
)
def test_refuses_and_changes_nothing(wrong, message):
    with pytest.raises(ValueError, match=message):
        ActivationExplorer(**wrong)
    explorer = ActivationExplorer()
    with pytest.raises(ValueError, match=message):
        explorer.set(**wrong)
    assert explorer.state == ActivationExplorer().state


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="no slope here; there is function, parameter, x"):
        ActivationExplorer().set(slope=1)


# --- words and picture ------------------------------------------------------------------------


def test_words():
    assert ActivationExplorer(x=4).describe() == (
        "tanh, at x = 4.00: f(x) = 0.9993, f'(x) = 0.0013, saturated. "
        "Between -8 and 8 it is saturated from -8.0 to -3.0 and from 3.0 to 8.0."
    )
    assert ActivationExplorer("leaky_relu", x=-1).describe() == (
        "leaky_relu, negative_slope = 0.10, at x = -1.00: f(x) = -0.1000, f'(x) = 0.1000, "
        "not saturated. Between -8 and 8 it is saturated nowhere."
    )


def test_words_hide_no_small_number_and_know_no_negative_zero():
    assert "f'(x) = 4.5e-07" in ActivationExplorer(x=8).describe()
    assert (
        "f(x) = 0.0000, f'(x) = 0.0000, saturated"
        in ActivationExplorer("tanhshrink", x=0).describe()
    )


def test_words_do_not_give_the_answer_of_an_exercise():
    assert "4.6" in ActivationExplorer("sigmoid").describe()
    assert "4.5" not in ActivationExplorer("sigmoid").describe()  # 4.585, to two decimals, is asked


def test_what_a_slider_calls_zero_is_zero():
    assert ActivationExplorer("relu", x=1.4e-16).point() == (0.0, 0.0, 0.0)


def test_draws_the_tangent_and_leaks_no_figure():
    explorer, figure = ActivationExplorer(x=0), Figure(layout="constrained")
    explorer.draw(figure)
    (ax,) = figure.axes
    (tangent,) = (line for line in ax.get_lines() if line.get_label() == "tangent")
    assert (tangent.get_xy1(), tangent.get_slope()) == ((0.0, 0.0), 1.0)
    for name in ACTIVATIONS:
        explorer.set(function=name)
        explorer.picture()
    assert not plt.get_fignums()


# --- controls ---------------------------------------------------------------------------------


def test_controls_and_state_follow_each_other():
    names, parameter, x, words = shown(explorer := ActivationExplorer())
    x.value = 2.0
    assert "at x = 2.00" in words()
    names.value = "elu"
    assert explorer.state == {"function": "elu", "parameter": 1.0, "x": 2.0}
    parameter.value = 2.5
    assert "alpha = 2.50" in words()
    explorer.set(function="softplus", parameter=3.0, x=-1.0)
    assert (names.value, parameter.value, x.value) == ("softplus", 3.0, -1.0)


def test_the_parameters_slider_fits_the_function():
    names, parameter, _, _ = shown(explorer := ActivationExplorer())
    assert parameter.disabled
    assert parameter.description == "no parameter"
    for name in [*ACTIVATIONS, *reversed(list(ACTIVATIONS)[:-1])]:
        names.value = name
        assert parameter.disabled == (name not in PARAMETERS)
        if name in PARAMETERS:
            label, usual, low, high = PARAMETERS[name]
            assert (parameter.description, parameter.value) == (label, usual)
            assert (parameter.min, parameter.max) == (low, high)
            assert explorer.state["parameter"] == usual
            parameter.value = high


def test_draws_once_for_a_change(monkeypatch):
    names, parameter, x, _ = shown(explorer := ActivationExplorer("elu"))
    drawn = []
    monkeypatch.setattr(explorer, "draw", lambda figure: drawn.append(1))
    names.value = "leaky_relu"
    parameter.value = 0.5
    x.value = 0.5
    assert len(drawn) == 3


def test_closing_leaves_no_widget():
    before = set(_instances)
    _, parameter, _, _ = shown(explorer := ActivationExplorer("elu"))
    explorer.close()
    assert set(_instances) == before
    parameter.value = 2
    assert explorer.state["parameter"] == 1.0
    explorer.set(function="relu")


CELL = """from nnlab_course.explorers.activations import ActivationExplorer

explorer = ActivationExplorer()
explorer"""


def test_in_jupyterlab_by_keyboard(lab):
    with open_notebook(lab, write_notebook(lab[2], "curves.ipynb", CELL)) as page:
        for _ in range(3):
            output = run_cell(page, "explorer = ActivationExplorer")
            picture = output.locator("img")
            expect(picture).to_have_count(1)
        words = output.get_by_role("status")
        expect(words).to_contain_text("f(x) = 0.7616, f'(x) = 0.4200, not saturated")
        seen = {picture.get_attribute("src")}

        output.locator(".noUi-handle").nth(1).focus()  # of x; the first is the parameter's
        page.keyboard.press("ArrowRight")
        expect(words).to_contain_text("at x = 1.10")
        seen.add(picture.get_attribute("src"))

        number = output.locator(".widget-readout").nth(1)
        number.click()
        page.keyboard.press("Control+a")
        page.keyboard.type("-4")
        page.keyboard.press("Enter")
        expect(words).to_contain_text("at x = -4.00: f(x) = -0.9993, f'(x) = 0.0013, saturated")
        seen.add(picture.get_attribute("src"))

        names = output.get_by_label("function")
        names.focus()
        for key in ["Space", *["ArrowDown"] * 7, "Enter"]:  # closed, JupyterLab takes the arrows
            page.keyboard.press(key)
        expect(words).to_contain_text("leaky_relu, negative_slope = 0.10")
        seen.add(picture.get_attribute("src"))
        assert len(seen) == 4
        output.locator(".noUi-handle").nth(0).focus()
        page.keyboard.press("ArrowLeft")
        expect(words).to_contain_text("negative_slope = 0.05")
        photograph(page, "activations")
        names.select_option("gelu")
        expect(words).to_contain_text("gelu, at x = -4.00")
        expect(output.get_by_text("no parameter")).to_be_visible()
        page.evaluate(
            "window.jupyterapp.commands.execute('apputils:change-theme', "
            "{theme: 'JupyterLab Dark'})"
        )
        page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        photograph(page, "activations-dark")
