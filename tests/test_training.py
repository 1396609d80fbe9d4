"""The training loop: against plain PyTorch, with every documented error."""

import math

import pytest
import torch
from matplotlib import pyplot as plt
from torch import nn
from torch.nn import functional as F

from nnlab_course.data import Split
from nnlab_course.training import (
    Metrics,
    batches,
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


class TestBatches:
    def test_without_generator_keeps_the_order(self, split):
        labels = torch.cat([labels for _, labels in batches(split, 32)])
        assert torch.equal(labels, split.labels)

    def test_visits_each_image_once(self, split):
        numbered = Split(split.images, torch.arange(100))
        sizes, seen = [], []
        for images, labels in batches(numbered, 32, generator=seeded()):
            assert torch.equal(images, split.images[labels])
            sizes.append(len(labels))
            seen += labels.tolist()
        assert sizes == [32, 32, 32, 4]
        assert sorted(seen) == list(range(100))
        assert seen != list(range(100))

    def test_generator_decides_the_order(self, split):
        def order(generator):
            return torch.cat([labels for _, labels in batches(split, 8, generator=generator)])

        assert torch.equal(order(seeded(1)), order(seeded(1)))
        assert not torch.equal(order(seeded(1)), order(seeded(2)))


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

    def test_reads_well(self):
        assert str(Metrics(0.12345, 0.9751)) == "loss 0.1235, accuracy 97.51%"


def test_train_step_is_one_step_of_the_optimiser(split):
    images, labels = split.images / 255, split.labels
    model, expected = linear_model(), linear_model()
    loss = train_step(model, torch.optim.SGD(model.parameters(), lr=0.1), images, labels)
    reference = F.cross_entropy(expected(images), labels)
    reference.backward()
    assert loss.item() == pytest.approx(reference.item())
    for ours, theirs in zip(model.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs - 0.1 * theirs.grad)


class TestFit:
    def test_equals_the_loop_written_out(self, split):
        model, expected = linear_model(), linear_model()
        history = fit(
            model, split, num_epochs=2, batch_size=32, lr=0.01, generator=seeded(), on_epoch=quiet
        )
        optimizer = torch.optim.Adam(expected.parameters(), lr=0.01)
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
            model, split, valid=split[:20], num_epochs=3, batch_size=50, on_epoch=rows.append
        )
        assert rows == history.epochs
        assert [row.epoch for row in rows] == [0, 1, 2, 3]
        assert math.isnan(rows[0].train_loss)
        assert rows[0].valid == before
        assert rows[-1].valid == evaluate(model, split[:20])
        assert rows[1].train_loss == pytest.approx(sum(history.step_losses[:2]) / 2)
        assert "validation loss" in str(rows[1])

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
        assert shapes == [7, 50, 50, 7]

    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            (lambda s: s, {"batch_size": 0}, "batch_size is 0.*use 1 or more"),
            (lambda s: s, {"num_epochs": -1}, "num_epochs -1.*0 or more"),
            (lambda s: s[:0], {}, "empty; give at least one image"),
            (lambda s: s, {"schedule": "cosine"}, "'constant' or 'one_cycle'"),
        ],
    )
    def test_refuses_bad_input_before_the_first_step(self, split, change, options, message):
        model = linear_model()
        weight = model[1].weight.clone()
        with pytest.raises(ValueError, match=message):
            fit(model, change(split), on_epoch=quiet, **options)
        assert torch.equal(model[1].weight, weight)

    def test_stops_where_the_loss_is_not_finite(self, split):
        with pytest.raises(FloatingPointError, match="smaller lr than 1e\\+38"):
            fit(
                linear_model(),
                split,
                lr=1e38,
                optimizer=torch.optim.SGD,
                num_epochs=3,
                on_epoch=quiet,
            )


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


def test_history_plots_itself(split):
    model = linear_model()
    history = fit(model, split, valid=split, num_epochs=60, batch_size=10, on_epoch=quiet)
    losses, accuracy = history.plot()
    assert "nats" in losses.get_ylabel()
    assert accuracy.get_ylabel() == "validation accuracy"
    _, axs = plt.subplots(1, 2)
    assert history.plot(axs=tuple(axs))[0] is axs[0]
    assert len(plt.get_fignums()) == 2
    assert len(axs[1].lines[0].get_xdata()) == 61


def test_history_without_validation_plots(split):
    for num_epochs in (0, 1):
        fit(linear_model(), split, num_epochs=num_epochs, on_epoch=quiet).plot()


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
