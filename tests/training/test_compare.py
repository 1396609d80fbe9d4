"""Several histories in one figure."""

from nnlab_course.training import plot_histories
from nnlab_course.training.history import Epoch, History, Metrics


def test_every_history_is_a_line_in_both_panels():
    histories = {}
    for name, accuracy in (("one", 0.4), ("other", 0.6)):
        rows = [Epoch(0, None, Metrics(2.3, 0.1), 0.0), Epoch(1, None, Metrics(1.5, accuracy), 9.0)]
        histories[name] = History(epochs=rows, steps_per_epoch=3)
    axs = plot_histories(histories)
    assert [list(line.get_ydata()) for line in axs[1].lines] == [[0.1, 0.4], [0.1, 0.6]]
    assert [list(line.get_ydata()) for line in axs[0].lines] == [[2.3, 1.5]] * 2
    assert [text.get_text() for text in axs[0].get_legend().get_texts()] == ["one", "other"]
