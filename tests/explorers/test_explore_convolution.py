"""The convolution microscope: its sums, its kernels, its grid of numbers, its errors."""

import io
import re

import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from lab_browser import go_to, open_notebook, photograph, run_cell, write_notebook
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image
from playwright.sync_api import expect
from torch import nn
from torch.nn import functional as F

from nnlab_course.explorers.convolution import (
    KERNELS,
    ConvolutionMicroscope,
    convolve,
    plot_convolution,
    plot_numbers,
    read_kernel,
)

pytestmark = pytest.mark.usefixtures("with_widgets")

PANELS = [["digit", "map", "patch"], ["kernel", "products", "."]]


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def shown():
    """A microscope on the screen, with three learned kernels of 5 x 5."""
    microscope = ConvolutionMicroscope(random(1, 12, 10), learned=random(3, 1, 5, 5) - 0.5)
    microscope._repr_mimebundle_()
    yield microscope
    microscope.close()


def parts(microscope):
    """Return the list of kernels, the sliders for row and column, the grid, picture and words."""
    controls, picture, words = microscope._view.children
    box, grid = controls.children
    return *box.children, grid, picture, words


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7])
def test_convolves_as_torch_does_and_as_by_hand(size):
    image, kernel = random(1, 9, 8), random(size, size, seed=1) - 0.5
    maps = convolve(image, kernel)
    assert torch.equal(maps, F.conv2d(image[None], kernel[None, None])[0, 0])
    for row, column in np.ndindex(*maps.shape):
        patch = image[0, row : row + size, column : column + size]
        assert maps[row, column] == pytest.approx((patch * kernel).sum().item(), abs=1e-5)


def test_the_words_are_the_sum():
    image = random(1, 12, 10)
    microscope = ConvolutionMicroscope(image, kernel="sharpen", row=4, column=2)
    expected = (image[0, 4:7, 2:5] * torch.tensor(KERNELS["sharpen"])).sum()
    assert microscope.describe() == (
        f"Kernel “sharpen” at row 4, column 2: the products add up to {expected:.3f}, "
        "the framed cell of the map of 10 × 8."
    )


def test_a_learned_kernel_is_the_layers():
    layer = nn.Conv2d(1, 6, 5)
    image = random(1, 28, 28)
    microscope = ConvolutionMicroscope(image, learned=layer.weight, row=3, column=20)
    microscope.set(kernel="learned 4")
    expected = (layer(image[None])[0, 3, 3, 20] - layer.bias[3]).item()
    shown = float(re.search(r"add up to (-?[\d.]+),", microscope.describe())[1])
    assert shown == pytest.approx(expected, abs=1e-3)
    assert list(microscope.kernels)[-6:] == [f"learned {n}" for n in range(1, 7)]


def test_draws_the_patch_and_the_cell_where_they_are():
    image, kernel = random(1, 12, 10), read_kernel(KERNELS["vertical edge"])
    axs = Figure().subplot_mosaic(PANELS)
    plot_convolution(image, kernel, 4, 2, axs)
    frames = {name: axs[name].patches[0].get_bbox().bounds for name in ("digit", "map")}
    assert frames == {"digit": (1.5, 3.5, 3, 3), "map": (1.5, 3.5, 1, 1)}
    patch, maps = image[0, 4:7, 2:5], convolve(image, kernel)
    assert torch.equal(torch.tensor(axs["patch"].images[0].get_array()), patch)
    assert torch.equal(torch.tensor(axs["products"].images[0].get_array()), patch * kernel)
    assert torch.equal(torch.tensor(axs["map"].images[0].get_array()), maps)
    limit = maps.abs().max().item()
    assert axs["map"].images[0].get_clim() == (-limit, limit)  # white is zero
    assert axs["map"].get_title() == f"map, 10 × 8, colours from −{limit:.3g} to {limit:.3g}"
    total = f"{maps[4, 2]:.3f}".replace("-", "−")
    assert axs["products"].get_title() == f"= products, sum {total}"


def test_numbers_are_short_and_legible():
    values = torch.tensor([[0.0, -0.001, 0.254], [1.0, -99.0, 33.333], [-0.5, 0.1, 98.999]])
    ax = plot_numbers(values, Figure().subplots())
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["0", "0", "0.25", "1", "−99", "33.33", "−0.5", "0.1", "99"]
    assert ax.texts[4].get_color() == "white"  # on the darkest cell
    assert ax.texts[0].get_color() == "black"
    grey = plot_numbers(torch.tensor([[0.0, 1.0], [0.9, 0.1]]), Figure().subplots(), signed=False)
    assert [text.get_color() for text in grey.texts] == ["white", "black", "black", "white"]


def test_a_black_image_is_no_trouble():
    microscope = ConvolutionMicroscope(torch.zeros(1, 5, 5))
    assert "add up to 0.000" in microscope.describe()
    microscope.picture()


def test_one_place_only():
    microscope = ConvolutionMicroscope(random(1, 3, 3))
    microscope._repr_mimebundle_()
    _, row, column, *_ = parts(microscope)
    assert (row.max, column.max) == (0, 0)
    microscope.close()


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (torch.zeros(28, 28), "image is (28, 28); give one grey image"),
        (torch.zeros(3, 28, 28), "image is (3, 28, 28); give one grey image"),
        (torch.zeros(1, 1, 28, 28), "image is (1, 1, 28, 28); give one"),
        ([[0.0]], "image is list; give one grey image, a tensor of shape (1, H, W)"),
        (torch.zeros(1, 28, 28, dtype=torch.uint8), "image is torch.uint8, from 0 to 0; give"),
        (torch.full((1, 28, 28), 255.0), "image is torch.float32, from 255 to 255; give"),
        (torch.full((1, 28, 28), torch.nan), "image is torch.float32, from nan to nan; give"),
        (torch.zeros(1, 28, 2), "the kernel is 3 × 3, the image (1, 28, 2); give a kernel"),
    ],
)
def test_refuses_an_image(image, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionMicroscope(image)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        ([[1, 2, 3]], "my own has the shape (1, 3); use (k, k) with k from 1 to 7"),
        (torch.zeros(8, 8), "my own has the shape (8, 8)"),
        (torch.zeros(0, 0), "my own has the shape (0, 0)"),
        (torch.zeros(1, 3, 3), "my own has the shape (1, 3, 3)"),
        ([[100.0]], "my own has the entries [100.0]; use finite numbers from -99 to 99"),
        ([[float("nan")]], "my own has the entries [nan]; use finite"),
        ([[1, 2], [3]], "my own is [[1, 2], [3]]; give rows of numbers"),
        ("edge", "my own is 'edge'; give rows of numbers"),
    ],
)
def test_refuses_a_kernel(kernel, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ConvolutionMicroscope(torch.zeros(1, 9, 9), {"my own": kernel})


def test_refuses_other_arguments():
    image = torch.zeros(1, 9, 9)
    with pytest.raises(ValueError, match="kernels has none"):
        ConvolutionMicroscope(image, {})
    for shape in ((6, 3, 5, 5), (6, 5, 5), (0, 1, 5, 5)):
        with pytest.raises(ValueError, match=re.escape(f"learned has the shape {shape}; give")):
            ConvolutionMicroscope(image, learned=torch.zeros(shape))
    with pytest.raises(ValueError, match="kernel='sobel'; choose one of 'vertical edge', 'hor"):
        ConvolutionMicroscope(image, kernel="sobel")
    with pytest.raises(ValueError, match="row=7; give a whole number from 0 to 6"):
        ConvolutionMicroscope(image, row=7)
    with pytest.raises(ValueError, match="column=-1; give a whole number from 0 to 6"):
        ConvolutionMicroscope(image, column=-1)


@pytest.mark.parametrize(
    "wrong",
    [{"row": 8}, {"column": 1.5}, {"kernel": "sobel"}, {"entries": [[1, 2]]}, {"angle": 1}],
)
def test_a_change_that_is_refused_changes_nothing(shown, wrong):
    before = dict(shown.state)
    with pytest.raises(ValueError, match=r"here|give|use|choose"):
        shown.set(**wrong)
    assert shown.state == before


def test_any_dtype_and_a_gradient():
    weight = (random(2, 1, 3, 3) - 0.5).requires_grad_()
    for dtype in (torch.float16, torch.float64):
        microscope = ConvolutionMicroscope(random(1, 8, 8).to(dtype), learned=weight.to(dtype))
        microscope.picture()


def test_name_and_entries_follow_each_other():
    microscope = ConvolutionMicroscope(random(1, 9, 9))
    microscope.set(kernel="blur")
    assert microscope.state["entries"][0][0] == pytest.approx(1 / 9)
    microscope.set(entries=KERNELS["identity"])
    assert microscope.state["kernel"] == "identity"
    microscope.set(entries=[[1, 0], [0, -1]])
    assert microscope.state["kernel"] == "your own"
    assert "map of 8 × 8" in microscope.describe()
    microscope.set(kernel="your own")
    assert microscope.state["entries"] == ((1, 0), (0, -1))


def test_a_larger_kernel_moves_the_patch_into_the_image():
    microscope = ConvolutionMicroscope(
        random(1, 12, 10), learned=random(1, 1, 5, 5), kernel="blur", row=9, column=7
    )
    microscope.set(kernel="learned 1")
    assert (microscope.state["row"], microscope.state["column"]) == (7, 5)
    microscope.set(kernel="blur", row=9)
    assert (microscope.state["row"], microscope.state["column"]) == (9, 5)


def test_controls_and_state_follow_each_other(shown):
    kernel, row, column, grid, picture, words = parts(shown)
    assert (kernel.value, row.max, column.max, len(grid.children)) == ("learned 1", 7, 5, 25)
    before = picture.value, words.value
    row.value, column.value = 7, 0
    assert (shown.state["row"], shown.state["column"]) == (7, 0)
    assert picture.value != before[0]
    assert words.value != before[1]
    kernel.value = "vertical edge"
    assert [field.value for field in grid.children] == [-1, 0, 1] * 3
    assert (row.max, column.max) == (9, 7)
    row.value = 9
    shown.set(kernel="learned 2", column=5)
    assert (row.value, row.max, column.value, column.max) == (7, 7, 5, 5)
    shown.set(kernel="blur", row=9)
    assert (row.value, row.max) == (9, 9)


def test_an_edited_entry_is_the_kernels(shown):
    kernel, *_, grid, picture, words = parts(shown)
    kernel.value = "vertical edge"
    before = picture.value, words.value
    grid.children[5].value = 2.5
    assert shown.state["entries"] == ((-1, 0, 1), (-1, 0, 2.5), (-1, 0, 1))
    assert kernel.value == "your own"
    assert picture.value != before[0]
    assert words.value != before[1]
    grid.children[5].value = 1
    assert kernel.value == "vertical edge"
    grid.children[0].value = 1e9  # a number field stops at its limits
    assert shown.state["entries"][0][0] == grid.children[0].value == 99


def test_an_edit_leaves_the_other_entries_exact(shown):
    *_, grid, _, _ = parts(shown)
    exact = shown.state["entries"]
    assert [field.value for field in grid.children[:5]] == [round(e, 3) for e in exact[0]]
    assert shown.state["kernel"] == "learned 1"
    grid.children[0].value = 0.125
    assert shown.state["entries"][0][1:] == exact[0][1:]
    assert shown.state["entries"][1:] == exact[1:]


def test_draws_once_for_a_change(shown, monkeypatch):
    drawn = []
    monkeypatch.setattr(shown, "draw", lambda figure: drawn.append(shown.state["kernel"]))
    kernel, row, _, grid, *_ = parts(shown)
    kernel.value = "blur"
    row.value = 9
    kernel.value = "learned 3"
    grid.children[0].value = 3
    shown.set(entries=KERNELS["identity"])
    assert drawn == ["blur", "blur", "learned 3", "your own", "identity"]


def test_leaves_nothing_behind():
    before = set(_instances)
    microscope = ConvolutionMicroscope(random(1, 9, 9), learned=random(1, 1, 5, 5))
    microscope._repr_mimebundle_()
    small = None
    for _ in range(3):
        microscope.set(kernel="blur")
        small = small or len(_instances)
        assert len(_instances) == small  # the fields that were swapped out are closed
        microscope.set(kernel="learned 1")
    microscope.close()
    assert set(_instances) == before
    assert plt.get_fignums() == []
    microscope.set(kernel="blur")  # off the screen, and no trouble
    microscope._repr_mimebundle_()
    assert len(parts(microscope)[3].children) == 9
    microscope.close()
    assert set(_instances) == before


def test_shows_nothing_that_depends_on_the_image():
    bundle = ConvolutionMicroscope(random(1, 28, 28), learned=random(1, 1, 5, 5))
    assert repr(bundle) == "ConvolutionMicroscope(kernel='learned 1', row=12, column=12)"
    assert Image.open(io.BytesIO(bundle.picture())).size == (750, 520)


def test_the_pictures_differ_from_place_to_place():
    microscope = ConvolutionMicroscope(random(1, 9, 9))
    pictures = [microscope.picture()]
    for change in ({"row": 0}, {"column": 0}, {"kernel": "blur"}, {"entries": [[1]]}):
        microscope.set(**change)
        pictures.append(microscope.picture())
    assert len(set(pictures)) == 5


CELL = """import torch
from nnlab_course.explorers.convolution import ConvolutionMicroscope
ring = torch.zeros(1, 28, 28)
ring[:, 6:22, 8:20] = 1
ring[:, 9:19, 11:17] = 0
learned = torch.linspace(-1, 1, 50).reshape(2, 1, 5, 5)
microscope = ConvolutionMicroscope(ring, learned=learned, kernel="vertical edge", row=5, column=7)
microscope"""


def test_in_jupyterlab(lab):
    count = "from ipywidgets.widgets.widget import _instances\nprint(len(_instances), 'widgets')"
    with open_notebook(lab, write_notebook(lab[2], "microscope.ipynb", CELL, count)) as page:
        counts = []
        for _ in range(3):
            run_cell(page, "linspace")
            counts.append(run_cell(page, "print(len(_instances)").inner_text())
        assert len(set(counts)) == 1, counts
        shown = go_to(page, "linspace")
        words, picture = page.get_by_role("status"), page.locator("img[alt^='A digit']")
        expect(words).to_contain_text("row 5, column 7: the products add up to 2.000")
        expect(picture).to_be_visible()
        photograph(page, "microscope")

        before = picture.get_attribute("src")
        shown.locator(".noUi-handle").first.focus()
        for _ in range(3):  # faster than it is drawn
            page.keyboard.press("ArrowRight")
        expect(words).to_contain_text("row 8, column 7: the products add up to 3.000")
        assert picture.get_attribute("src") != before

        entry = page.get_by_label("entry in row 2, column 3")
        entry.fill("5")
        entry.press("Enter")
        expect(words).to_contain_text("“your own” at row 8, column 7: the products add up to 7.000")
        for wrong in ("", "e", "1e999"):
            entry.fill("") if wrong == "" else entry.press_sequentially(wrong)
            entry.press("Enter")
            expect(entry).to_have_value("5")
        entry.fill("1000")
        entry.press("Enter")
        expect(words).to_contain_text("add up to 101.000")
        photograph(page, "microscope-edited")

        page.get_by_label("kernel", exact=True).select_option("learned 2")
        expect(page.get_by_label("entry in row")).to_have_count(25)
        expect(words).to_contain_text("map of 24 × 24")
        photograph(page, "microscope-learned")
        page.get_by_label("kernel", exact=True).select_option("blur")
        expect(page.get_by_label("entry in row")).to_have_count(9)
        expect(words).to_contain_text("map of 26 × 26")
