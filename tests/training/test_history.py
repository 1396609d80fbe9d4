"""The history of a run: as text, as a plot, as a file."""

import json
import math

import pytest
from matplotlib import pyplot as plt

from nnlab_course.training.history import Epoch, History, Metrics, live_plot, print_epoch


@pytest.fixture
def history():
    """Two epochs of sixty steps."""
    losses = [2 * 0.98**step for step in range(120)]
    return History(
        step_losses=losses,
        step_accuracies=[1 - loss / 2.5 for loss in losses],
        step_seconds=[step / 10 for step in range(1, 121)],
        epochs=[
            Epoch(0, None, Metrics(2.3, 0.1), 0.1),
            Epoch(1, Metrics(1.2, 0.5), Metrics(0.9, 0.625), 6.5),
            Epoch(2, Metrics(0.4, 0.8), Metrics(0.3, 0.875), 12.75),
        ],
        steps_per_epoch=60,
    )


def test_metrics_read_well():
    assert str(Metrics(0.12345, 0.9751)) == "loss 0.1235, accuracy 97.51%"


def test_rows_read_well(history, capsys):
    assert str(history.epochs[0]) == "epoch 0, validation loss 2.3000, accuracy 10.00%  (0 s)"
    print_epoch(history)
    assert capsys.readouterr().out == (
        "epoch 2, training loss 0.4000, accuracy 80.00%, "
        "validation loss 0.3000, accuracy 87.50%  (13 s)\n"
    )


def test_table_has_a_line_per_epoch_and_its_columns_line_up(history):
    lines = str(history).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[3].split() == ["2", "0.4000", "80.00%", "0.3000", "87.50%", "12.8"]
    assert "nan" not in str(history)


def test_json_holds_everything(history, tmp_path):
    path = tmp_path / "run.json"
    history.to_json(path)
    history.to_json(path)  # replaces
    assert History.from_json(path) == history
    plain = json.loads(path.read_text())
    assert plain["step_losses"] == history.step_losses
    assert plain["epochs"][0]["train"] is None
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_json_of_a_run_that_was_never_begun(tmp_path):
    History().to_json(tmp_path / "run.json")
    assert History.from_json(tmp_path / "run.json") == History()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"epochs": [1]}', '{"epochs": [{}]}'])
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"run\.json can't be read as a history"):
        History.from_json(path)


def test_plot_shows_steps_running_mean_and_validation(history):
    loss_ax, accuracy_ax = history.plot()
    assert "nats" in loss_ax.get_ylabel()
    assert accuracy_ax.get_ylabel() == "accuracy"
    steps, mean, valid = loss_ax.lines
    assert steps.get_xdata()[-1] == 2
    assert mean.get_ydata()[0] == pytest.approx(sum(history.step_losses[:2]) / 2)
    assert mean.get_xdata()[0] == pytest.approx(2 / 60)
    assert list(valid.get_ydata()) == [2.3, 0.9, 0.3]
    assert list(accuracy_ax.lines[-1].get_ydata()) == [0.1, 0.625, 0.875]


def test_plot_on_given_axes(history):
    _, axs = plt.subplots(1, 2)
    assert history.plot(axs=tuple(axs))[0] is axs[0]
    assert len(plt.get_fignums()) == 1


def test_plot_of_an_interrupted_epoch_and_of_nothing(history):
    history.step_losses += [0.1] * 30
    history.step_accuracies += [0.9] * 30
    loss_ax, _ = history.plot()
    assert loss_ax.lines[0].get_xdata()[-1] == 2.5
    History(epochs=[Epoch(0, None, None, 0.0)]).plot()
    assert not math.isnan(loss_ax.get_ylim()[1])


def test_live_plot_leaves_no_figure(history):
    live_plot(history)
    assert not plt.get_fignums()
