"""The convolution microscope: its sums, its kernels, its grid of numbers, its errors."""

import io
import re

import numpy as np
import pytest
import torch
from explorer_page import SAY, barriers, explorer_page, picture_of
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


def test_leaks_no_figure(shown):
    shown.picture()
    assert plt.get_fignums() == []


# --- in the browser ---------------------------------------------------------------------------

CHANGES = [{"row": 0, "column": 0}, {"kernel": "vertical edge"}, {"kernel": "learned 3"}]
CHANGES += [{"entries": [[0.5, -99.0], [1e-4, 3.25]]}, {"kernel": "outline", "row": 9, "column": 7}]
CHANGES += [{"entries": [[2.0]], "row": 11}, {"entries": [[0.25] * 7] * 7}]


def test_javascript_finds_what_torch_finds_and_says_the_same(browser):
    image = random(1, 12, 10)
    microscope = ConvolutionMicroscope(image, learned=random(3, 1, 5, 5) - 0.5)
    with explorer_page(browser, microscope) as page:
        for change in CHANGES:
            microscope.set(**change)
            assert page.evaluate(SAY, [microscope.state]) == [microscope.describe()]
            sums = page.evaluate("document.querySelector('.nnlab-explorer').explorer.sums()")
            expected = convolve(image.double(), torch.tensor(microscope.state["entries"]).double())
            limit = 1e-5 * max(1, expected.abs().max().item())
            torch.testing.assert_close(torch.tensor(sums).double(), expected, rtol=0, atol=limit)


def test_moved_by_keys_by_typing_and_by_pointer(browser):
    ring = torch.zeros(1, 28, 28)
    ring[:, 6:22, 8:20] = 1
    ring[:, 9:19, 11:17] = 0
    microscope = ConvolutionMicroscope(ring, kernel="vertical edge", row=5, column=7)
    with explorer_page(browser, microscope) as page:
        words, seen = page.get_by_role("status"), {picture_of(page)}
        expect(words).to_contain_text("row 5, column 7: the products add up to 2.000")
        page.get_by_label("row", exact=True).focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        expect(words).to_contain_text("row 8, column 7: the products add up to 3.000")
        seen.add(picture_of(page))
        page.get_by_role("application").focus()
        page.keyboard.press("ArrowLeft")
        expect(words).to_contain_text("row 8, column 6")
        page.keyboard.press("ArrowRight")
        entry = page.get_by_label("entry in row 2, column 3")
        entry.fill("5")
        expect(words).to_contain_text("“your own” at row 8, column 7: the products add up to 7.000")
        page.wait_for_url("**entries=-1%2C0%2C1%2C-1%2C0%2C5%2C-1%2C0%2C1*")
        seen.add(picture_of(page))
        page.reload()
        expect(words).to_contain_text("“your own” at row 8, column 7: the products add up to 7.000")
        for typed, shown in (("", "5"), ("1000", "99")):
            entry.fill(typed)
            entry.press("Enter")
            entry.blur()
            expect(entry).to_have_value(shown)
        entry.fill("1")
        expect(words).to_contain_text("Kernel “vertical edge”")
        for canvas in page.locator(".nnlab-image").all():
            box = canvas.bounding_box()
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.mouse.down()
            page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 2, steps=3)
            page.mouse.up()
            expect(words).to_contain_text("row 0, column 25")
        seen.add(picture_of(page))
        assert len(seen) == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fits_a_phone_and_has_no_barrier(browser, scheme):
    microscope = ConvolutionMicroscope(random(1, 28, 28), learned=random(3, 1, 5, 5) - 0.5)
    with explorer_page(browser, microscope, size=(390, 844)) as page:
        page.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
        assert barriers(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
