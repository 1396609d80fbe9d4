"""Drawn digits: brought to MNIST's form, read, kept; by JavaScript, too."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest
import torch
from handwriting import write
from ipywidgets.widgets.widget import _instances
from pad_page import load_network, read_in
from safetensors import safe_open
from torch import nn

from nnlab_course.data import Split, load
from nnlab_course.explorers import drawing
from nnlab_course.explorers.drawing import (
    SIDE,
    DigitPad,
    DigitReader,
    centre_drawings,
    draw_strokes,
    keep_drawing,
    load_drawings,
    trained_lenet,
)
from nnlab_course.lenet import LeNet, feature_maps
from nnlab_course.training import evaluate, fit, unit_range

SEVEN = [[(0.2, 0.1), (0.8, 0.1), (0.45, 0.95)]]
MNIST = load("mnist", download=False)
needs_mnist = pytest.mark.skipif(MNIST.name != "mnist", reason="the real MNIST is not here")


@pytest.fixture(scope="module")
def digits():
    """A thousand images of digits, MNIST's test images where they are here."""
    enough = len(MNIST.test) >= 1000
    images = MNIST.test.images if enough else torch.cat([MNIST.test.images, MNIST.train.images])
    return unit_range(images[:1000])


@pytest.fixture(scope="module")
def handwritten():
    """Thirty hands, each of which wrote every digit: drawings and labels."""
    drawings = [draw_strokes(write(digit, hand)) for hand in range(30) for digit in range(10)]
    return torch.stack(drawings), torch.arange(10).repeat(30)


def read(model, drawings):
    with torch.no_grad():
        return DigitReader(model)(drawings)[0].argmax(1)


class TestStrokes:
    def test_size_and_place_do_not_matter(self):
        one = draw_strokes(SEVEN)
        other = draw_strokes([[(5 + 0.1 * x, 3 + 0.1 * y) for x, y in SEVEN[0]]])
        assert one.shape == (1, SIDE, SIDE)
        assert (one - other).abs().mean() < 0.01

    def test_ink_is_one_and_paper_is_nought(self):
        line = draw_strokes([[(0, 0), (1, 0)]])
        assert line[0, SIDE // 2].max() == 1
        assert line[0, 0].max() == 0
        columns = (line[0].amax(0) > 0.5).nonzero()
        assert columns.max() - columns.min() + 1 == pytest.approx(100 + 15, abs=1)

    def test_a_dot_is_a_dot(self):
        assert draw_strokes([[(0.3, 0.4)]]).sum() == pytest.approx(np.pi * 7.5**2, rel=0.1)

    @pytest.mark.parametrize("strokes", [[], [[]], [[(0, 0)], []]])
    def test_nothing_to_draw(self, strokes):
        with pytest.raises(ValueError, match="nothing to draw; give one stroke or more"):
            draw_strokes(strokes)


def test_the_browser_draws_in_the_same_measures():
    script = (files("nnlab_course.explorers") / "drawing.js").read_text(encoding="utf-8")
    measures = dict(re.findall(r"^(?:export )?const (SIDE|FILL|PEN) = (\d+);", script, re.M))
    assert measures == {"SIDE": str(SIDE), "FILL": str(drawing._FILL), "PEN": str(drawing._PEN)}


class TestCentring:
    @pytest.mark.parametrize("corner", [(0, 0), (90, 20), (60, 100)])
    def test_the_ink_is_twenty_pixels_large_and_its_mass_is_in_the_middle(self, corner):
        bar = torch.zeros(1, 1, SIDE, SIDE)
        row, column = corner
        bar[..., row : row + 40, column : column + 20] = 1
        image = centre_drawings(bar)[0, 0]
        # A pixel at the edge is ink in part.
        assert image.amax(1).sum() == pytest.approx(20, abs=0.1)
        assert image.amax(0).sum() == pytest.approx(10, abs=0.1)
        places = torch.arange(28) + 0.5
        assert (image.sum(1) @ places) / image.sum() == pytest.approx(14.5, abs=0.05)
        assert (image.sum(0) @ places) / image.sum() == pytest.approx(14.5, abs=0.05)

    def test_a_batch_is_as_one_by_one_and_an_empty_one_stays_empty(self):
        drawings = torch.stack([draw_strokes(SEVEN), torch.zeros(1, SIDE, SIDE)])
        images = centre_drawings(drawings)
        assert images.shape == (2, 1, 28, 28)
        assert torch.equal(images[:1], centre_drawings(drawings[:1]))
        assert torch.equal(images[1], torch.zeros(1, 28, 28))

    @needs_mnist
    def test_leaves_mnist_nearly_as_it_is(self, digits):
        # Its form is what a drawing is brought to; MNIST's shifts are of whole pixels.
        enlarged = digits.repeat_interleave(5, dim=2).repeat_interleave(5, dim=3)
        images = centre_drawings(enlarged)
        assert (images - digits).abs().mean() < 0.25 * digits.mean()
        model = trained_lenet()
        assert (model(images).argmax(1) == model(digits).argmax(1)).float().mean() > 0.97


class TestReader:
    def test_gives_probabilities_image_and_maps(self):
        model, seven = trained_lenet(), draw_strokes(SEVEN)[None]
        probabilities, image, first, second = DigitReader(model)(seven)
        assert probabilities.sum().item() == pytest.approx(1)
        assert torch.equal(image, centre_drawings(seven))
        assert torch.equal(first, feature_maps(model, image, 1))
        assert torch.equal(second, feature_maps(model, image, 4))

    def test_a_model_without_features_has_no_maps(self):
        reader = DigitReader(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
        assert len(reader(torch.zeros(1, 1, SIDE, SIDE))) == 2

    def test_goes_on_with_the_weights_it_was_made_with(self):
        model = trained_lenet()
        reader, seven = DigitReader(model), draw_strokes(SEVEN)[None]
        before = reader(seven)[0]
        nn.init.zeros_(model.classifier[-1].weight)
        assert torch.equal(reader(seven)[0], before)

    @pytest.mark.parametrize(
        ("model", "complaint"),
        [
            (LeNet(num_classes=47), r"maps 2 images to \(2, 47\)"),
            (LeNet(in_channels=3), r"can't read images of \(N, 1, 28, 28\)"),
        ],
    )
    def test_refuses_a_model_that_reads_no_digits(self, model, complaint):
        with pytest.raises(ValueError, match=complaint):
            DigitPad(model)


class TestTrainedLenet:
    def test_reads_what_thirty_hands_write(self, handwritten):
        drawings, labels = handwritten
        assert (read(trained_lenet(), drawings) == labels).float().mean() >= 0.95

    def test_is_sure_of_a_heart_too(self):
        # As lesson 4 and the site say: the probabilities add up to 1 whatever is drawn.
        angles = torch.linspace(0, 2 * torch.pi, 41)
        y = 13 * angles.cos() - 5 * (2 * angles).cos() - 2 * (3 * angles).cos() - (4 * angles).cos()
        heart = torch.stack([16 * angles.sin() ** 3, -y], dim=1).tolist()
        probabilities, *_ = DigitReader(trained_lenet())(draw_strokes([heart])[None])
        assert probabilities.max() > 0.9

    @needs_mnist
    def test_is_as_good_as_it_says(self):
        with safe_open(files("nnlab_course") / "lenet.safetensors", "pt") as weights:
            accuracies = json.loads(weights.metadata()["accuracies"])
        assert len(accuracies) == 3
        assert evaluate(trained_lenet(), MNIST.test).accuracy == pytest.approx(
            accuracies[0], abs=0.0002
        )

    @pytest.mark.slow
    def test_reads_drawings_better_than_one_trained_on_the_embedded_digits(
        self, handwritten, monkeypatch, tmp_path
    ):
        # As lesson 4 says to whoever has no MNIST.
        monkeypatch.setenv("NNLAB_DATA", str(tmp_path))
        monkeypatch.setenv("NNLAB_OFFLINE", "1")
        drawings, labels = handwritten
        torch.manual_seed(0)
        model = LeNet()
        fit(model, load("mnist").train, num_epochs=3, batch_size=64, lr=5e-4)
        assert 0.4 < (read(model, drawings) == labels).float().mean() < 0.9


def test_the_network_in_javascript_computes_what_torch_computes(browser, handwritten):
    drawings = torch.cat([handwritten[0][:50], torch.zeros(1, 1, SIDE, SIDE)])
    pixels = (255 * drawings).round().to(torch.uint8)
    with torch.no_grad():
        expected = DigitReader(trained_lenet())(pixels / 255)
    page = browser.new_page()
    load_network(page)
    for number, one in enumerate(pixels):
        for part, other in zip(expected, read_in(page, one)[0], strict=True):
            assert (part[number].flatten() - torch.tensor(other)).abs().max() < 1e-5
    page.close()


class TestKeptDrawings:
    def test_are_read_as_they_were_kept(self, tmp_path):
        path, pixels = tmp_path / "drawings.json", list(range(256)) * 3 + [9] * 16
        assert keep_drawing(path, 7, pixels) == 1
        assert keep_drawing(path, 1, [0] * 784) == 2
        kept = load_drawings(path)
        assert isinstance(kept, Split)
        assert kept.labels.tolist() == [7, 1]
        assert kept.images[0].flatten().tolist() == pixels
        assert [file.name for file in tmp_path.iterdir()] == ["drawings.json"]

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            ("", "Expecting value"),
            ("{}", "it isn't a list"),
            ("[1]", "a label is None"),
            ('[{"label": 10, "pixels": []}]', "a label is 10"),
            ('[{"label": true, "pixels": []}]', "a label is True"),
            ('[{"label": 1, "pixels": [0.5]}]', "aren't 784 whole numbers"),
            (json.dumps([{"label": 1, "pixels": [256] * 784}]), "aren't 784 whole numbers"),
            ("[" * 100_000, "recursion"),
        ],
    )
    def test_another_file_is_refused_and_stays_as_it_is(self, tmp_path, content, complaint):
        path = tmp_path / "mine.json"
        path.write_text(content)
        for attempt in (load_drawings, lambda path: keep_drawing(path, 7, [0] * 784)):
            with pytest.raises(ValueError, match=f"mine.json holds no kept drawings.*{complaint}"):
                attempt(path)
        assert path.read_text() == content

    @pytest.mark.parametrize(("label", "pixels"), [(10, [0] * 784), (1, [0]), (1, [-1] * 784)])
    def test_what_is_no_drawing_is_not_kept(self, tmp_path, label, pixels):
        with pytest.raises(ValueError, match=r"a label is 10|aren't 784 whole numbers"):
            keep_drawing(tmp_path / "drawings.json", label, pixels)
        assert list(tmp_path.iterdir()) == []

    def test_none_is_a_test_set_of_none(self, tmp_path):
        (tmp_path / "drawings.json").write_text("[]")
        assert load_drawings(tmp_path / "drawings.json").images.shape == (0, 1, 28, 28)

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load_drawings(tmp_path / "drawings.json")


def test_the_pad_leaves_no_widget_behind(monkeypatch):
    monkeypatch.setenv("NNLAB_STATIC", "0")
    before = set(_instances)
    shown = DigitPad(trained_lenet())
    assert "application/vnd.jupyter.widget-view+json" in shown._repr_mimebundle_()
    assert set(_instances) > before
    shown.close()
    assert set(_instances) == before
