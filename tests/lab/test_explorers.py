"""Every explorer in JupyterLab, in a real browser, in one notebook: moved, read, run again."""

import pytest
from handwriting import draw_by_mouse, write_one_by_keys
from lab_browser import go_to, open_notebook, photograph, run_cell, set_theme, write_notebook
from playwright.sync_api import expect

from nnlab_course.explorers.drawing import load_drawings, trained_lenet
from nnlab_course.explorers.gradients import GradientExplorer
from nnlab_course.training import unit_range

CELLS = [
    """from ipywidgets.widgets.widget import _instances
import torch
from nnlab_course.explorers.activations import ActivationExplorer
from nnlab_course.explorers.autograd import GraphStepper
from nnlab_course.explorers.convolution import ConvolutionMicroscope
from nnlab_course.explorers.drawing import DigitPad, trained_lenet
from nnlab_course.explorers.gradients import GradientExplorer
from nnlab_course.explorers.moons import MoonsTrainer""",
    "print(len(_instances), 'widgets')",
    "curves = ActivationExplorer()\ncurves",
    "print('x is', curves.state['x'])",
    """a = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(-1.0, requires_grad=True)
p = a * b
q = p + b
r = p * q
stepper = GraphStepper(r, {"a": a, "b": b, "p": p, "q": q, "r": r}, step=1)
stepper""",
    "print(stepper.describe())",
    "gradients = GradientExplorer()\ngradients",
    "print(gradients.describe())",
    """learned = torch.linspace(-1, 1, 50).reshape(2, 1, 5, 5)
microscope = ConvolutionMicroscope(torch.ones(1, 28, 28), learned=learned, row=5, column=7)
microscope""",
    "print(microscope.describe())",
    "pad = DigitPad(trained_lenet())\npad",
    "MoonsTrainer()",
]
SEVEN = [[(0.2, 0.1), (0.8, 0.1), (0.45, 0.95)]]


@pytest.fixture(scope="module")
def page(lab):
    """JupyterLab with a notebook of every explorer, of which only the imports have run."""
    name = write_notebook(lab.folder, "explorers.ipynb", *CELLS)
    with open_notebook(lab, name, run=False) as page:
        run_cell(page, "import _instances")
        yield page


def count_widgets(page):
    return run_cell(page, "print(len(_instances)").inner_text()


def test_activations_by_keyboard(page):
    output = run_cell(page, "curves = ActivationExplorer")
    words = output.get_by_role("status")
    expect(words).to_contain_text("f(x) = 0.7616, f'(x) = 0.4200, not saturated")
    output.get_by_label("input x, as a number").fill("-4")
    page.keyboard.press("Enter")
    expect(words).to_contain_text("at x = -4.00: f(x) = -0.9993, f'(x) = 0.0013, saturated")
    output.get_by_label("function", exact=True).focus()
    page.keyboard.type("leaky")
    expect(words).to_contain_text("leaky_relu, negative_slope = 0.10")
    photograph(page, "activations-light")
    page.set_viewport_size({"width": 760, "height": 900})
    photograph(page, "activations-760")
    page.set_viewport_size({"width": 1280, "height": 900})
    set_theme(page, "Dark")
    photograph(page, "activations-dark")
    set_theme(page, "Light")


def test_a_cell_that_is_run_again_leaves_nothing_behind(page):
    counts = set()
    for _ in range(3):
        output = run_cell(page, "curves = ActivationExplorer")
        expect(output.locator("svg.nnlab-plot")).to_have_count(1)
        counts.add(count_widgets(page))
    assert run_cell(page, "print('x is'").inner_text().strip().endswith("x is 1.0")
    assert len(counts) == 1, counts
    go_to(page, "curves = ActivationExplorer").get_by_label("input x", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(output.get_by_role("status")).to_contain_text("at x = 1.05")
    assert "x is 1.05" in run_cell(page, "print('x is'").inner_text()


def test_autograd_by_keyboard_alone(page):
    output = run_cell(page, "stepper = GraphStepper")
    words, field = output.get_by_role("status"), output.get_by_role("textbox", name="of q")
    expect(output.locator(".nnlab-graph")).to_be_visible()
    field.focus()
    for text, told in (("-1", "you subtracted; this is Add"), ("-3", "-3: right at the second")):
        page.keyboard.type(text)  # over the one that was wrong
        page.keyboard.press("Enter")
        expect(words).to_contain_text(told)
    expect(output.get_by_role("textbox", name="value of r")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(words).to_contain_text("Without a prediction: the value of r is 6.")
    photograph(page, "stepper")
    assert "Step 4 of 8" in run_cell(page, "print(stepper").inner_text()


def test_gradients(page):
    output = run_cell(page, "gradients = GradientExplorer")
    words = output.get_by_role("status")
    expect(words).to_contain_text(GradientExplorer().describe())
    output.get_by_label("depth", exact=True).focus()
    page.keyboard.press("ArrowRight")
    output.get_by_label("activation", exact=True).select_option("relu")
    chosen = GradientExplorer(depth=21, activation="relu").describe()
    expect(words).to_contain_text(chosen)
    assert chosen in run_cell(page, "print(gradients").inner_text()
    photograph(page, "gradients")


def test_convolution(page):
    output = run_cell(page, "microscope = ConvolutionMicroscope")
    words = output.get_by_role("status")
    expect(words).to_contain_text("Kernel “learned 1” at row 5, column 7")
    output.get_by_label("kernel", exact=True).select_option("blur")
    expect(words).to_contain_text("Kernel “blur” at row 5, column 7: the products add up to 1")
    output.get_by_label("entry in row 2, column 3").fill("5")
    expect(words).to_contain_text("“your own” at row 5, column 7: the products add up to 5.889")
    told = words.inner_text()
    assert told in run_cell(page, "print(microscope").inner_text()
    photograph(page, "microscope")


def test_drawing(page, lab):
    output = run_cell(page, "pad = DigitPad")
    assert draw_by_mouse(page, SEVEN).startswith("7,")
    expect(output.get_by_role("img", name="16 feature maps")).to_be_visible()
    expect(output.locator(".nnlab-spoken")).to_contain_text("Read as 7")
    photograph(page, "pad")

    drawings = lab.folder / "drawings.json"
    expect(output.get_by_label("I drew a")).to_have_value("7")
    output.get_by_role("button", name="Keep").click()
    expect(output.locator(".nnlab-kept")).to_have_text("Kept in drawings.json, which holds 1")
    kept = load_drawings(drawings)
    assert trained_lenet()(unit_range(kept.images)).argmax() == 7

    drawings.write_text("mine")
    output.get_by_role("button", name="Keep").click()
    expect(output.locator(".nnlab-kept")).to_contain_text("holds no kept drawings")
    assert drawings.read_text() == "mine"

    assert write_one_by_keys(page).startswith("1,")
    page.keyboard.press("Backspace")
    expect(output.locator(".nnlab-answer")).to_have_text("Draw a digit")

    counts = set()
    for _ in range(3):
        output = run_cell(page, "pad = DigitPad")
        expect(output.locator(".nnlab-pad")).to_have_count(1)
        counts.add(count_widgets(page))
    assert len(counts) == 1, counts
    assert draw_by_mouse(page, SEVEN).startswith("7,")


def test_moons(page):
    trainer = run_cell(page, "MoonsTrainer()")
    trainer.get_by_role("button", name="One step").click()
    expect(trainer.locator(".nnlab-words")).to_contain_text("tanh, after 1 step: loss")
    photograph(page, "moons")
