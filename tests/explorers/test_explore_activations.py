"""The explorer of lesson 1: stretches, state, words, controls."""

import math

import matplotlib.pyplot as plt
import pytest
import torch
import torch.nn.functional as F
from explorer_page import SAY, barriers, explorer_page, picture_of
from matplotlib.figure import Figure
from playwright.sync_api import expect

from nnlab_course.activations import ACTIVATIONS, saturated_fraction
from nnlab_course.explorers.activations import (
    PARAMETERS,
    ActivationExplorer,
    plot_saturation,
    saturated_stretches,
)

GRID = torch.linspace(-8, 8, 1601)


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


# --- in the browser ---------------------------------------------------------------------------

STATES = [(name, None, x) for name in ACTIVATIONS for x in (-7.9, -1.5, 0, 0.75, 6.0, 8)]
STATES += [(name, p, x) for name, (_, _, low, high) in PARAMETERS.items() for p in (low, high)
           for x in (-2.0, 0, 1.3)]  # fmt: skip


def test_javascript_finds_what_torch_finds_and_says_the_same(browser):
    explorers = [ActivationExplorer(*state) for state in STATES]
    with explorer_page(browser, explorers[0]) as page:
        said = page.evaluate(SAY, [explorer.state for explorer in explorers])
        assert said == [explorer.describe() for explorer in explorers]
        evaluate = """states => states.map(({function: name, parameter, x}) =>
            document.querySelector(".nnlab-explorer").explorer.evaluate(name, x, parameter))"""
        found = page.evaluate(evaluate, [explorer.state for explorer in explorers])
    for explorer, numbers in zip(explorers, found, strict=True):
        assert numbers == pytest.approx(explorer.point()[1:], abs=1e-5), explorer


def test_moved_by_keys_by_typing_and_by_pointer(browser):
    with explorer_page(browser, ActivationExplorer(), has_touch=True) as page:
        words = page.get_by_role("status")
        seen = {picture_of(page)}
        page.get_by_label("input x", exact=True).focus()
        page.keyboard.press("ArrowRight")
        expect(words).to_contain_text("at x = 1.05")
        seen.add(picture_of(page))
        page.get_by_label("input x, as a number").fill("-4")
        page.keyboard.press("Enter")
        expect(words).to_contain_text("at x = -4.00: f(x) = -0.9993, f'(x) = 0.0013, saturated")
        seen.add(picture_of(page))
        box = page.locator(".nnlab-plot").bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + 100
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 100, y, steps=3)
        page.mouse.up()
        expect(words).not_to_contain_text("at x = -4.00")
        seen.add(picture_of(page))
        page.touchscreen.tap(box["x"] + box["width"] - 12, y)
        expect(words).to_contain_text("at x = 8.00")
        page.get_by_label("function", exact=True).select_option("leaky_relu")
        page.get_by_label("negative_slope", exact=True).focus()
        page.keyboard.press("Home")
        expect(words).to_contain_text("leaky_relu, negative_slope = 0.00, at x = 8.00")
        seen.add(picture_of(page))
        assert len(seen) == 5


def test_the_address_keeps_the_state(browser):
    start = "?function=elu&x=-2.5&parameter=99#there"
    with explorer_page(browser, ActivationExplorer(), start) as page:
        expect(page.get_by_role("status")).to_contain_text("elu, alpha = 4.00, at x = -2.50")
        page.get_by_label("function", exact=True).select_option("relu")
        page.wait_for_url("**/?function=relu&x=-2.5#there")
        page.reload()
        expect(page.get_by_role("status")).to_contain_text("relu, at x = -2.50")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone_has_no_barrier_and_no_dead_slider(browser, scheme):
    size = (390, 844)
    with explorer_page(browser, ActivationExplorer(), size=size) as page:
        page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_role("slider").count() == 1
        height = page.locator(".nnlab-live").bounding_box()["height"]
        for name in ACTIVATIONS:
            page.get_by_label("function", exact=True).select_option(name)
            expect(page.get_by_role("status")).to_contain_text(name)
            assert page.locator(".nnlab-live").bounding_box()["height"] == height
        page.get_by_label("function", exact=True).select_option("elu")
        expect(page.get_by_role("slider")).to_have_count(2)
