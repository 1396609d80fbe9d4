"""The training loop: against plain PyTorch, with every documented error."""

import math

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.nn import functional as F

from nnlab_course.data import Split
from nnlab_course.training import (
    confusion_matrix,
    evaluate,
    fit,
    make_schedule,
    plot_confusion,
    predict,
    train_step,
    unit_range,
    worst_errors,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def split():
    """A hundred random images of 4×4 pixels; the class is the brightest of three corners."""
    images = torch.randint(0, 256, (100, 1, 4, 4), dtype=torch.uint8, generator=seeded())
    return Split(images, images[:, 0, [0, 0, 3], [0, 3, 0]].argmax(1))


def linear_model(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def quiet(row):
    """Print nothing."""


def test_unit_range_is_float32_from_0_to_1():
    pixels = torch.tensor([0, 128, 255], dtype=torch.uint8)
    assert unit_range(pixels).dtype == torch.float32
    torch.testing.assert_close(unit_range(pixels), pixels.float() / 255)


class TestPredict:
    @pytest.mark.parametrize("batch_size", [1, 7, 100, 1000])
    def test_batch_size_does_not_matter(self, split, batch_size):
        model = linear_model()
        expected = model(split.images / 255)
        torch.testing.assert_close(predict(model, split.images, batch_size=batch_size), expected)

    @pytest.mark.parametrize("training", [True, False])
    def test_judges_in_evaluation_mode_and_restores_the_mode(self, split, training):
        model = nn.Sequential(nn.Dropout(0.9), linear_model()).train(training)
        logits = predict(model, split.images)
        assert torch.equal(logits, predict(model, split.images))
        assert not logits.requires_grad
        assert model.training is training

    def test_restores_the_mode_after_an_error(self, split):
        model = linear_model().train()
        with pytest.raises(RuntimeError):
            predict(model, split.images[:, :, :2])
        assert model.training


class TestEvaluate:
    def test_is_the_mean_over_images(self, split):
        model = linear_model()
        logits = model(split.images / 255)
        metrics = evaluate(model, split, batch_size=32)
        assert metrics.loss == pytest.approx(F.cross_entropy(logits, split.labels).item())
        hits = (logits.argmax(1) == split.labels).sum().item()
        assert metrics.accuracy == pytest.approx(hits / 100)

    def test_refuses_an_empty_split(self, split):
        with pytest.raises(ValueError, match="at least one image"):
            evaluate(linear_model(), split[:0])


def test_train_step_is_one_step_of_the_optimiser(split):
    images, labels = split.images / 255, split.labels
    model, expected = linear_model(), linear_model()
    loss, hits = train_step(model, torch.optim.SGD(model.parameters(), lr=0.1), images, labels)
    reference = F.cross_entropy(expected(images), labels)
    reference.backward()
    assert loss.item() == pytest.approx(reference.item())
    assert hits == (linear_model()(images).argmax(1) == labels).sum()
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)


def test_train_step_refuses_a_loss_that_is_not_finite(split):
    model = linear_model()
    weight = model[1].weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(FloatingPointError, match="the loss is nan; no step was taken"):
        train_step(model, optimizer, split.images * math.nan, split.labels)
    assert torch.equal(model[1].weight, weight)


class TestFit:
    def test_equals_the_loop_written_out(self, split):
        model, expected = linear_model(), linear_model()
        history = fit(
            model, split, num_epochs=2, batch_size=32, lr=0.01, generator=seeded(), on_epoch=quiet
        )
        optimizer = torch.optim.Adam(expected.parameters(), lr=0.01, fused=True)
        generator, losses = seeded(), []
        for _ in range(2):
            for indices in torch.randperm(100, generator=generator).split(32):
                loss = F.cross_entropy(expected(split.images[indices] / 255), split.labels[indices])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        assert history.step_losses == losses
        for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
            assert torch.equal(ours, theirs)

    @pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
    def test_learns(self, split, schedule):
        model = linear_model()
        before = evaluate(model, split)
        fit(model, split, num_epochs=100, batch_size=10, lr=0.05, schedule=schedule, on_epoch=quiet)
        after = evaluate(model, split)
        assert after.loss < before.loss / 2
        assert after.accuracy > 0.9

    def test_same_seed_same_weights_and_the_callers_stream_is_untouched(self, split):
        state = torch.random.get_rng_state()
        models = [linear_model() for _ in range(3)]
        for model, seed in zip(models, (1, 1, 2), strict=True):
            fit(model, split, num_epochs=1, generator=seeded(seed), on_epoch=quiet)
        assert torch.equal(models[0][1].weight, models[1][1].weight)
        assert not torch.equal(models[0][1].weight, models[2][1].weight)
        assert torch.equal(torch.random.get_rng_state(), state)

    @pytest.mark.parametrize(
        ("num_epochs", "num_steps"), [(1, 10), (0.5, 5), (1.3, 13), (0, 0), (1.01, 10)]
    )
    def test_fractions_of_an_epoch(self, split, num_epochs, num_steps):
        history = fit(linear_model(), split, num_epochs=num_epochs, batch_size=10, on_epoch=quiet)
        assert len(history.step_losses) == num_steps
        assert history.epochs[-1].epoch == num_steps / 10
        assert len(history.epochs) == 1 + math.ceil(num_steps / 10)

    def test_history_has_a_row_before_training_and_one_per_epoch(self, split):
        rows = []
        model = linear_model()
        before = evaluate(model, split[:20])
        history = fit(
            model,
            split,
            valid=split[:20],
            num_epochs=3,
            batch_size=40,
            on_epoch=lambda history: rows.append(history.epochs[-1]),
        )
        assert rows == history.epochs
        assert [row.epoch for row in rows] == [0, 1, 2, 3]
        assert rows[0].train is None
        assert rows[0].valid == before
        assert rows[-1].valid == evaluate(model, split[:20])
        losses, accuracies = history.step_losses[:3], history.step_accuracies[:3]
        sizes = (40, 40, 20)  # the last batch is smaller, and counts for less
        for mean, steps in ((rows[1].train.loss, losses), (rows[1].train.accuracy, accuracies)):
            total = sum(size * value for size, value in zip(sizes, steps, strict=True))
            assert mean == pytest.approx(total / 100)
        assert history.step_seconds == sorted(history.step_seconds)
        assert history.step_seconds[-1] <= rows[-1].seconds

    def test_augments_training_batches_before_the_transform(self, split):
        seen = []

        def augment(images):
            seen.append(images.dtype)
            return 255 - images

        mirrored = Split(255 - split.images, split.labels)
        model, expected = linear_model(), linear_model()
        fit(model, split, valid=split, num_epochs=1, augment=augment, on_epoch=quiet)
        fit(expected, mirrored, num_epochs=1, on_epoch=quiet)
        assert torch.equal(model[1].weight, expected[1].weight)
        assert set(seen) == {torch.uint8}

    def test_applies_the_transform_in_training_and_in_judging(self, split):
        shapes = []

        def transform(images):
            shapes.append(len(images))
            return images / 255

        fit(
            linear_model(),
            split,
            valid=split[:7],
            num_epochs=1,
            batch_size=50,
            transform=transform,
            on_epoch=quiet,
        )
        assert shapes == [8, 7, 50, 50, 7]  # eight images are tried first

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"batch_size": 0}, "batch_size is 0; use a whole number, 1 or more"),
            ({"batch_size": 2.5}, "batch_size is 2.5, a float; use a whole number"),
            ({"num_epochs": -1}, "num_epochs is -1; use a number, 0 or more"),
            ({"num_epochs": math.nan}, "num_epochs is nan"),
            ({"lr": 0}, "lr is 0; use a number above 0"),
            ({"lr": math.inf}, "lr is inf"),
            ({"patience": 2}, "patience is 2, without a valid split; give valid as well"),
            ({"schedule": "cosine"}, "'constant' or 'one_cycle'"),
            ({"transform": lambda images: images}, "can't take images of shape .* the transform"),
        ],
    )
    def test_refuses_bad_options_before_the_first_step(self, split, options, message):
        model = linear_model()
        weight = model[1].weight.clone()
        with pytest.raises((ValueError, TypeError), match=message):
            fit(model, split, on_epoch=quiet, **options)
        assert torch.equal(model[1].weight, weight)

    @pytest.mark.parametrize(
        ("train", "valid", "message"),
        [
            (lambda s: s[:0], None, "train is empty; give at least one image"),
            (lambda s: s, lambda s: s[:0], "valid is empty"),
            (lambda s: s, lambda s: Split(s.images[..., 1:], s.labels), "the same shape"),
            (lambda s: Split(s.images, s.labels + 1), None, "labels go from 1 to 3.* 0 to 2"),
            (lambda s: Split(s.images, s.labels - 1), None, "labels go from -1 to 1"),
            (lambda s: s, lambda s: Split(s.images, s.labels + 7), "labels go from 7 to 9"),
            (lambda s: Split(s.images[..., 1:], s.labels), None, r"can't take .*\(8, 1, 4, 3\)"),
        ],
    )
    def test_refuses_images_and_labels_that_do_not_fit(self, split, train, valid, message):
        valid = valid and valid(split)
        with pytest.raises(ValueError, match=message):
            fit(linear_model(), train(split), valid=valid, on_epoch=quiet)

    def test_refuses_other_things_than_splits(self, split):
        with pytest.raises(
            TypeError,
            match=r"train is a tuple, not a Split; make it a Split: Split\(images, labels\)",
        ):
            fit(linear_model(), (split.images, split.labels))

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (nn.Flatten(), "no parameters that require a gradient"),
            (linear_model().requires_grad_(False), "nothing can learn"),
            (nn.Sequential(nn.Conv2d(1, 3, 1)), r"shape \(8, 3, 4, 4\).*must return logits"),
        ],
    )
    def test_refuses_models_that_can_not_learn_this(self, split, model, message):
        with pytest.raises(ValueError, match=message):
            fit(model, split)


class TestLossThatIsNotFinite:
    @pytest.mark.parametrize(
        ("highest", "fault"),
        [(1, "every layer's output is finite"), (255, r"the weights 1\.weight are not finite")],
    )
    def test_too_large_a_step(self, split, highest, fault):
        with pytest.raises(FloatingPointError, match=f"at step 2 of 6: {fault}.*lr than 1e.38"):
            fit(
                linear_model(),
                split,
                lr=1e38,
                optimizer=torch.optim.SGD,
                transform=lambda images: images * (highest / 255),
                on_epoch=quiet,
            )

    def test_layer_is_named(self, split):
        model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.Identity(), nn.Linear(4, 3))
        nn.init.constant_(model[1].weight, 3e38)
        with pytest.raises(FloatingPointError, match=r"at step 1 .*the output of 1 \(Linear\)"):
            fit(model, split, on_epoch=quiet)
        assert not any(module._forward_hooks for module in model.modules())
        assert torch.equal(model[1].weight, torch.full((4, 16), 3e38))

    def test_images_are_named(self, split):
        with pytest.raises(FloatingPointError, match="images are not finite after the transform"):
            fit(linear_model(), split, transform=lambda images: images / 0 * 0, on_epoch=quiet)


def test_one_cycle_ends_with_the_last_step():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = make_schedule(optimizer, "one_cycle", 40)
    rates = []
    for _ in range(40):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    assert max(rates) == pytest.approx(0.5)
    assert rates[-1] < rates[0] < 0.1


def test_confusion_matrix_counts_true_by_predicted():
    labels = torch.randint(0, 5, (200,), generator=seeded(1))
    predictions = torch.randint(0, 5, (200,), generator=seeded(2))
    matrix = confusion_matrix(labels, predictions, 5)
    for true in range(5):
        for predicted in range(5):
            count = ((labels == true) & (predictions == predicted)).sum()
            assert matrix[true, predicted] == count


def test_plot_confusion_survives_a_class_without_images():
    ax = plot_confusion(torch.tensor([[3, 1], [0, 0]]), ("cat", "dog"))
    assert {text.get_text() for text in ax.texts} == {"75", "25"}
    assert len(plt.get_fignums()) == 1


def test_plot_confusion_colours_errors_alone():
    ax = plot_confusion(torch.tensor([[97, 3], [0, 100]]), ("cat", "dog"))
    colours = ax.images[0].get_array()
    assert colours.mask.tolist() == [[True, False], [False, True]]
    assert ax.images[0].get_clim() == (0, 3)


def test_worst_errors_are_wrong_and_sorted():
    logits = torch.randn(50, 4, generator=seeded())
    labels = torch.randint(0, 4, (50,), generator=seeded())
    worst = worst_errors(logits, labels, num_images=10)
    losses = F.cross_entropy(logits, labels, reduction="none")
    assert (logits.argmax(1)[worst] != labels[worst]).all()
    assert torch.equal(losses[worst], losses[worst].sort(descending=True).values)
    assert len(worst) == 10


def test_worst_errors_of_a_perfect_model_are_none():
    assert len(worst_errors(torch.eye(4), torch.arange(4))) == 0
