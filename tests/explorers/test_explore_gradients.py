"""The explorer of vanishing gradients: its bound, its picture, its words and its controls."""

import io
import math
import re

import pytest
import torch
from explorer_page import SAY, barriers, explorer_page, picture_of
from ipywidgets.widgets.widget import _instances
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import expect
from torch import nn
from torch.nn import functional as F

from nnlab_course.explorers.gradients import (
    MLP_ACTIVATIONS,
    GradientExplorer,
    gradient_bounds,
    measure_mlp,
    plot_gradients_and_bounds,
)
from nnlab_course.gradients import LayerStats, mlp, watch_gradients

SETTINGS = [
    (depth, activation, init, gain)
    for depth in (2, 7, 50)
    for activation in MLP_ACTIVATIONS
    for init in ("default", "xavier", "kaiming")
    for gain in (0.1, 1.0, 2.7, 10.0)
]


def stats_of(*norms):
    return {
        str(number): LayerStats("Linear", output_grad_norm=norm)
        for number, norm in enumerate(norms)
    }


def draw(*norms, bounds=None):
    ax = Figure().subplots()
    return plot_gradients_and_bounds(stats_of(*norms), bounds or [1.0] * len(norms), ax)


@pytest.mark.slow
def test_no_gradient_crosses_its_bound():
    for setting in SETTINGS:
        stats, bounds = measure_mlp(*setting)
        assert len(stats) == len(bounds) == setting[0]
        for layer, bound in zip(stats.values(), bounds, strict=True):
            assert math.isfinite(bound), setting
            assert layer.output_grad_norm <= bound * (1 + 1e-12), setting


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", MLP_ACTIVATIONS)
def test_the_bound_holds_with_biases_and_other_data(name, seed):
    activation, largest_slope = MLP_ACTIVATIONS[name]
    generator = torch.Generator().manual_seed(seed)
    net = mlp(6, 9, activation, in_features=3, out_features=4, generator=generator).double()
    inputs = 3 * torch.randn(17, 3, generator=generator, dtype=torch.float64)
    for parameter in net.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    with watch_gradients(net, nn.Linear) as stats:
        net(inputs).sin().sum().backward()
    norms = [layer.output_grad_norm for layer in stats.values()]
    bounds = gradient_bounds(net, norms[-1], largest_slope)
    assert all(n <= b * (1 + 1e-12) for n, b in zip(norms, bounds, strict=True))


def test_the_bound_is_reached_where_every_step_is_the_worst():
    net = nn.Sequential(
        nn.Linear(1, 1, bias=False), nn.Sigmoid(), nn.Linear(1, 1, bias=False), nn.Sigmoid()
    ).append(nn.Linear(1, 1, bias=False))
    for layer, weight in zip(net[::2], (0.0, 0.0, 5.0), strict=True):
        nn.init.constant_(layer.weight, weight)
    # The second weight is 0, so the first bound is 0; the others are slope x weights.
    assert gradient_bounds(net, 2.0, 0.25) == [0.0, 2 * 5 * 0.25, 2]


def test_measures_what_autograd_says():
    stats, _ = measure_mlp(4, "gelu", "xavier", 1.5)
    net = mlp(4, activation=nn.GELU, init="xavier", generator=torch.Generator().manual_seed(0))
    net.double()
    for layer in net[::2]:
        layer.weight.data *= 1.5
    inputs = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    labels = (inputs.norm(dim=1) > inputs.norm(dim=1).median()).long()
    outputs, values = [], inputs.double()
    for layer in net:
        values = layer(values)
        if isinstance(layer, nn.Linear):
            outputs.append(values)
    expected = torch.autograd.grad(F.cross_entropy(values, labels), outputs)
    norms = [layer.output_grad_norm for layer in stats.values()]
    assert norms == pytest.approx([gradient.norm().item() for gradient in expected], rel=1e-6)


def test_leaves_the_global_stream_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    explorer = GradientExplorer(depth=3)
    explorer.picture()
    assert torch.equal(torch.get_rng_state(), before)
    assert GradientExplorer(depth=3).describe() == explorer.describe()


@pytest.mark.parametrize(
    ("norms", "limits"),
    [
        ((1, 1e-5), (1e-5, 1)),
        ((0.5, 0), (1e-5, 1)),
        ((0.1, 2e-13), (1e-15, 1)),
        ((3e6, 1), (1e-5, 1e10)),
        ((1e-80, 1e50), (1e-30, 1e20)),
        ((0, 0), (1e-5, 1)),
    ],
)
def test_the_axis_moves_in_steps_of_five_powers_of_ten(norms, limits):
    assert draw(*norms).get_ylim() == pytest.approx(limits)


def test_what_lies_outside_is_marked():
    ax = draw(1e-40, 1.0, 1e30, 0.0, 1e-50)
    marked = {
        line.get_marker(): (list(line.get_xdata()), line.get_ydata()[0]) for line in ax.lines[2:]
    }
    assert marked == {"x": ([4], 0), "v": ([1, 5], 0), "^": ([3], 1)}
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["bound", "measured", "below 1e-30", "above 1e+20"]
    assert len(draw(1.0, 0.5).lines) == 2


def test_the_words_are_the_numbers():
    explorer = GradientExplorer(depth=5, activation="tanh", init="xavier")
    stats, bounds = measure_mlp(5, "tanh", "xavier")
    first, last = stats["0"].output_grad_norm, stats["8"].output_grad_norm
    numbers = [float(n) for n in re.findall(r"\d\.\de[-+]\d+", explorer.describe())]
    assert numbers == pytest.approx([first, last, first / last, bounds[0]], rel=0.05)


def test_the_words_for_zeros(monkeypatch):
    explorer = GradientExplorer()
    monkeypatch.setattr(explorer, "measure", lambda: (stats_of(0.0, 0.0, 0.0), [0.0, 1.0, 1.0]))
    assert explorer.describe() == (
        "Norm of δ: first layer 0, last 0; no ratio. Exactly 0 in 3 of 3 layers. "
        "The bound allows the first layer 0."
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"depth": 1}, "depth=1; give a whole number from 2 to 50"),
        ({"depth": 51}, "depth=51; give"),
        ({"depth": 2.5}, "depth=2.5; give a whole number"),
        ({"activation": "step"}, "activation='step'; choose one of 'sigmoid', 'tanh'"),
        ({"init": "zeros"}, "init='zeros'; choose one of 'default', 'xavier', 'kaiming'"),
        ({"gain": 0}, "gain=0; give a number from 0.1 to 10"),
        ({"gain": math.nan}, "gain=nan; give"),
        ({"gain": "1"}, "gain='1'; give a number"),
    ],
)
def test_refuses(wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        GradientExplorer(**wrong)
    explorer = GradientExplorer()
    before = dict(explorer.state)
    with pytest.raises(ValueError, match=re.escape(message)):
        explorer.set(**wrong)
    assert explorer.state == before


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match="no width here; there is depth, activation, init, gain"):
        GradientExplorer().set(width=3)


def test_leaves_nothing_behind(with_widgets):
    before = set(_instances)
    explorer = GradientExplorer(depth=3)
    bundle = explorer._repr_mimebundle_()
    explorer.set(depth=5)
    explorer.close()
    assert set(_instances) == before
    assert plt.get_fignums() == []
    assert Image.open(io.BytesIO(bundle["image/png"])).size == (650, 340)
    text = "GradientExplorer(depth=3, activation='sigmoid', init='default', gain=1.0)"
    assert bundle["text/plain"] == text


# --- in the browser ---------------------------------------------------------------------------


def test_javascript_measures_what_torch_measures_and_says_the_same(browser):
    explorers = [GradientExplorer(*setting) for setting in SETTINGS[::5]]
    states = [explorer.state for explorer in explorers]
    with explorer_page(browser, explorers[0]) as page:
        measure = """states => states.map(
            state => document.querySelector(".nnlab-explorer").explorer.measure(state))"""
        for explorer, found in zip(explorers, page.evaluate(measure, states), strict=True):
            stats, bounds = explorer.measure()
            norms = [layer.output_grad_norm for layer in stats.values()]
            assert found["norms"] == pytest.approx(norms, rel=1e-5, abs=0), explorer
            assert found["bounds"] == pytest.approx(bounds, rel=1e-5, abs=0), explorer
        said = page.evaluate(SAY, states[:12])
        assert said == [explorer.describe() for explorer in explorers[:12]]


def test_moved_by_keys_by_typing_and_by_pointer(browser):
    start = "?gain=3&activation=sigmoid&depth=1000"
    with explorer_page(browser, GradientExplorer(), start) as page:
        words, seen = page.get_by_role("status"), {picture_of(page)}
        expect(words).to_contain_text(GradientExplorer(50, gain=3.0).describe())
        depth = page.get_by_label("depth", exact=True)
        depth.focus()
        page.keyboard.press("ArrowLeft")
        expect(words).to_contain_text(GradientExplorer(49, gain=3.0).describe())
        seen.add(picture_of(page))
        page.get_by_label("start", exact=True).select_option("He")
        number = page.get_by_label("weights ×, as a number")
        for typed, shown in (("2", 2), ("", 2), ("99", 10)):
            number.fill(typed)
            number.press("Enter")
            expect(number).to_have_value(str(shown))
            chosen = GradientExplorer(49, "sigmoid", "kaiming", shown)
            expect(words).to_contain_text(chosen.describe())
            seen.add(picture_of(page))
        box = depth.bounding_box()
        page.mouse.click(box["x"] + 12, box["y"] + box["height"] / 2)
        expect(words).not_to_contain_text(chosen.describe())
        seen.add(picture_of(page))
        assert len(seen) == 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone_and_has_no_barrier(browser, scheme):
    with explorer_page(browser, GradientExplorer(), size=(390, 844)) as page:
        page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
