"""What the package carries: real digits, and shapes drawn by code."""

import runpy
from pathlib import Path

import pytest
import torch
from matplotlib.path import Path as Outline
from torch.nn import functional as F

from nnlab_course.data.digits import digits, enlarge, random_affine, read_digits
from nnlab_course.data.shapes import SHAPES, draw_shapes, shapes

PROJECT = Path(__file__).parents[2]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def digit_sets():
    return digits()


@pytest.fixture(scope="module")
def shape_sets():
    return shapes()


# --- digits -----------------------------------------------------------------------------


@pytest.mark.slow
def test_carried_file_is_what_the_script_writes(tmp_path):
    runpy.run_path(str(PROJECT / "scripts" / "make_digits.py"))["main"](tmp_path / "digits")
    carried = PROJECT / "nnlab_course" / "digits.safetensors"
    assert (tmp_path / "digits").read_bytes() == carried.read_bytes()


def test_carried_file_names_its_authors_and_licence():
    header = (PROJECT / "nnlab_course" / "digits.safetensors").read_bytes()[:400].decode("latin-1")
    for word in ("Alpaydin", "Kaynak", "UCI Machine Learning Repository", "CC BY 4.0"):
        assert word in header


def test_digits_have_mnists_form(digit_sets):
    assert list(digit_sets) == ["train_images", "train_labels", "test_images", "test_labels"]
    assert digit_sets["train_images"].shape == (12_000, 1, 28, 28)
    assert digit_sets["test_images"].shape == (360, 1, 28, 28)
    assert digit_sets["train_labels"].shape == (12_000,)
    assert digit_sets["test_labels"].shape == (360,)
    for tensor in digit_sets.values():
        assert tensor.dtype == torch.uint8
        assert tensor.is_contiguous()
    for part in ("train", "test"):
        assert digit_sets[f"{part}_labels"].unique().tolist() == list(range(10))
        assert digit_sets[f"{part}_images"].max() == 255
    ink = digit_sets["train_images"].double().mean() / 255
    assert ink == pytest.approx(0.16, abs=0.01)  # MNIST: 0.13


def test_digits_are_the_same_at_each_call_and_leave_the_global_stream_alone(digit_sets):
    before = torch.get_rng_state()
    again = digits()
    assert all(torch.equal(again[key], digit_sets[key]) for key in digit_sets)
    assert torch.equal(torch.get_rng_state(), before)


def test_test_digits_are_untouched_and_none_is_trained_on(digit_sets):
    raw, labels = read_digits()
    whole = enlarge(raw).round().byte().flatten(1)
    test = digit_sets["test_images"].flatten(1)
    distance = torch.cdist(test.float(), whole.float())
    position = distance.argmin(dim=1)
    assert torch.equal(whole[position], test)
    assert torch.equal(labels[position], digit_sets["test_labels"])
    assert position.unique().numel() == 360

    others = torch.ones(1797, dtype=torch.bool)
    others[position] = False
    # Without their changes, the training pictures are the other 1,437 in their order.
    expected = labels[others].repeat(9)[:12_000]
    assert torch.equal(digit_sets["train_labels"], expected)
    drift = digit_sets["train_images"].flatten(1).float() - whole[others].repeat(9, 1)[:12_000]
    unrelated = (
        digit_sets["train_images"].flatten(1).float() - whole[others].flip(0).repeat(9, 1)[:12_000]
    )
    assert drift.square().mean() < 0.5 * unrelated.square().mean()


def test_test_part_has_a_fifth_of_each_digit(digit_sets):
    _, labels = read_digits()
    counts = torch.bincount(digit_sets["test_labels"])
    assert ((counts - torch.bincount(labels) / 5).abs() < 1).all()


def test_enlarge_centres_the_digit():
    images = torch.full((2, 8, 8), 16, dtype=torch.uint8)
    large = enlarge(images)
    assert large.shape == (2, 1, 28, 28)
    assert torch.allclose(large[:, :, 4:24, 4:24], torch.tensor(255.0))
    assert large.sum() == pytest.approx(2 * 400 * 255)


def still(**changes):
    return {"degrees": 0, "shear": 0, "scale": 0, "shift": 0} | changes


def test_random_affine_without_change_is_the_identity():
    images = torch.rand(4, 2, 12, 10, dtype=torch.float64, generator=generator())
    same = random_affine(images, **still(), generator=generator())
    assert same.dtype == torch.float64
    assert torch.allclose(same, images, atol=1e-6)


def test_random_affine_moves_by_at_most_shift_pixels():
    images = torch.zeros(200, 1, 21, 21)
    images[:, :, 10, 10] = 1
    moved = random_affine(images, **still(shift=3.0), generator=generator())[:, 0]
    axis = torch.arange(21.0) - 10
    total = moved.sum((1, 2))
    away = torch.stack([(moved.sum(1) @ axis) / total, (moved.sum(2) @ axis) / total])
    assert away.abs().max() <= 3.001
    assert away.abs().max() > 2.8
    assert total.allclose(torch.ones(200), atol=1e-4)


def test_random_affine_turns_and_scales_about_the_centre():
    bar = torch.zeros(100, 1, 41, 41)
    bar[:, :, 20, 5:36] = 1
    axis = torch.arange(41.0) - 20
    turned = random_affine(bar, **still(degrees=30.0), generator=generator())[:, 0]
    moments = torch.einsum("nij,i,j->n", turned, axis, axis) / torch.einsum(
        "nij,j->n", turned, axis**2
    )
    assert torch.rad2deg(moments.atan()).abs().max() == pytest.approx(30, abs=2)
    scaled = random_affine(bar, **still(scale=0.5), generator=generator())[:, 0, 20]
    length = (scaled > 0.5).sum(dim=1) / 31
    assert length.min() == pytest.approx(1 / 1.5, abs=0.05)
    assert length.max() > 1.28  # up to the picture's border: 41 of 31


def test_random_affine_turns_without_bending_and_slants_upright_lines_only():
    axis = torch.arange(41.0) - 20
    lying = torch.zeros(50, 1, 41, 41)
    lying[:, :, 20, 5:36] = 1
    upright = lying.transpose(2, 3)

    def tilt(images, **changes):  # Of a lying line, its slope; of an upright one, columns per row
        moved = random_affine(images, **still(**changes), generator=generator())[:, 0]
        along = axis if images is lying else axis[:, None]
        mixed = (moved * axis * axis[:, None]).sum((1, 2))
        return mixed / (moved * along**2).sum((1, 2))

    # What is at a right angle stays at a right angle.
    assert torch.allclose(tilt(lying, degrees=20.0), -tilt(upright, degrees=20.0), atol=0.02)
    assert tilt(lying, degrees=20.0).abs().max() > 0.3
    assert tilt(lying, shear=0.4).abs().max() < 1e-3
    assert tilt(upright, shear=0.4).abs().max() == pytest.approx(0.4, abs=0.03)


def test_random_affine_depends_on_the_generator_alone():
    images = torch.rand(8, 1, 28, 28, generator=generator())
    first, again, other = (random_affine(images, generator=generator(s)) for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# --- shapes -----------------------------------------------------------------------------


def plane(num=400):
    axis = torch.linspace(-1.3, 1.3, num, dtype=torch.float64)
    return torch.meshgrid(axis, axis, indexing="xy")


@pytest.mark.parametrize("name", SHAPES)
def test_signed_distance_grows_by_one_per_unit(name):
    # That is what makes it a distance: its gradient has length 1, except on a few creases.
    x, y = (
        t.flatten()
        for t in torch.rand(2, 2000, dtype=torch.float64, generator=generator()) * 2.6 - 1.3
    )
    x.requires_grad_()
    y.requires_grad_()
    gradient = torch.autograd.grad(SHAPES[name](x, y).sum(), (x, y))
    length = torch.hypot(*gradient)
    assert torch.allclose(length, torch.ones_like(length), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "corners"),
    [
        ("triangle", [(90 + 120 * k, 1) for k in range(3)]),
        ("pentagon", [(90 + 72 * k, 1) for k in range(5)]),
        ("star", [(90 + 36 * k, 1 if k % 2 == 0 else 0.45) for k in range(10)]),
        ("square", [(45 + 90 * k, 0.75 * 2**0.5) for k in range(4)]),
    ],
)
def test_inside_is_where_matplotlib_says(name, corners):
    angle, radius = torch.tensor(corners, dtype=torch.float64).T
    angle = torch.deg2rad(angle)
    outline = Outline(torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1).numpy())
    x, y = plane()
    inside = outline.contains_points(torch.stack([x.flatten(), y.flatten()], dim=1).numpy())
    clear = SHAPES[name](x, y).flatten().abs() > 1e-6
    assert torch.equal((SHAPES[name](x, y).flatten() < 0)[clear], torch.from_numpy(inside)[clear])


@pytest.mark.parametrize(
    ("name", "area"),
    [
        ("circle", 0.81 * torch.pi),
        ("ring", (0.95**2 - 0.45**2) * torch.pi),
        ("semicircle", torch.pi / 2),
        ("cross", 4 * 0.6 * 0.95 - 0.36),
    ],
)
def test_area(name, area):
    x, y = plane(1000)
    assert (SHAPES[name](x, y) < 0).double().mean() * 2.6**2 == pytest.approx(area, rel=0.005)


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("crescent", [(-0.9, 0.0), (-0.1, 0.95)], [(0.3, 0.0), (0.85, 0.0)]),
        ("heart", [(0.0, 0.0), (0.5, 0.5), (0.0, -0.7)], [(0.0, 0.9), (0.7, -0.5), (0.0, -0.9)]),
    ],
)
def test_curved_shapes(name, inside, outside):
    for points, sign in ((inside, -1), (outside, 1)):
        x, y = torch.tensor(points, dtype=torch.float64).T
        assert (SHAPES[name](x, y).sign() == sign).all()


def test_shapes_have_cifars_form(shape_sets):
    assert list(shape_sets) == ["train_images", "train_labels", "test_images", "test_labels"]
    assert shape_sets["train_images"].shape == (12_000, 3, 32, 32)
    assert shape_sets["test_images"].shape == (2_000, 3, 32, 32)
    for tensor in shape_sets.values():
        assert tensor.dtype == torch.uint8
        assert tensor.is_contiguous()
    assert torch.bincount(shape_sets["train_labels"]).tolist() == [1200] * 10
    assert torch.bincount(shape_sets["test_labels"]).tolist() == [200] * 10
    # No channel, and no class, can be told by its brightness alone.
    images = shape_sets["train_images"].double() / 255
    assert images.mean((0, 2, 3)).tolist() == pytest.approx([0.45] * 3, abs=0.02)
    assert images.std((0, 2, 3)).tolist() == pytest.approx([0.28] * 3, abs=0.02)


def test_shapes_are_the_same_at_each_call_and_never_twice(shape_sets):
    before = torch.get_rng_state()
    again = shapes()
    assert all(torch.equal(again[key], shape_sets[key]) for key in shape_sets)
    assert torch.equal(torch.get_rng_state(), before)
    corner = torch.cat([shape_sets["train_images"], shape_sets["test_images"]])[:, :, :4, :4]
    assert corner.flatten(1).unique(dim=0).shape[0] == 14_000


def test_labels_are_drawn_in_any_order_and_size():
    labels = torch.tensor([8, 0, 8, 5])
    images = draw_shapes(labels, size=64, generator=generator())
    assert images.shape == (4, 3, 64, 64)
    assert draw_shapes(labels[:0], generator=generator()).shape == (0, 3, 32, 32)
    assert torch.equal(images, draw_shapes(labels.byte(), size=64, generator=generator()))


def test_a_picture_shows_its_shape():
    # Averaged over many pictures, a shape is lighter inside: colours, place and noise cancel.
    # An upright shape of the middle size at the centre must match its own class best.
    labels = torch.arange(10).repeat_interleave(300)
    light = draw_shapes(labels, generator=generator()).float().mean(dim=1).reshape(10, 300, 32, 32)
    average = light.mean(dim=1).flatten(1)
    axis = (torch.arange(32) + 0.5) / 16 - 1
    x, y = torch.meshgrid(axis / 0.75, -axis / 0.75, indexing="xy")
    masks = torch.stack([(shape(x, y) < 0).float().flatten() for shape in SHAPES.values()])
    scores = (
        F.normalize(masks - masks.mean(1, keepdim=True))
        @ F.normalize(average - average.mean(1, keepdim=True)).T
    )
    assert scores.argmax(dim=1).tolist() == list(range(10))
