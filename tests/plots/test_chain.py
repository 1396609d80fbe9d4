"""The drawing of a chain of layers: names, values or factors."""

import matplotlib.pyplot as plt
import pytest

from nnlab_course.gradients import chain, chain_factors
from nnlab_course.plots.chain import plot_chain

LOGISTIC_WEIGHTS = (1.2, 0.1, 1.2, -0.5, 1.0)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_plot_chain_shows_names_values_or_factors():
    nodes = chain(2.0, LOGISTIC_WEIGHTS)
    factors = chain_factors(2.0, LOGISTIC_WEIGHTS)
    names = texts(plot_chain(nodes))
    assert {"$x$", "$z_{1}$", "$a_{4}$", "$y$", "$w_{5}$"} <= set(names)
    assert "0.6033" not in names
    assert {"0.6033", "-0.5", "2.4"} <= set(texts(plot_chain(nodes, values=True)))
    shown = texts(plot_chain(nodes, factors=factors))
    assert {f"{factor:.4g}" for factor in factors.values()} <= set(shown)
    assert "$w_{1}$" in shown
    assert "$x$" not in shown


def test_plot_chain_draws_where_it_is_told():
    _, ax = plt.subplots()
    assert plot_chain(chain(1.0, [1.0]), values=True, ax=ax) is ax
    assert len(plt.get_fignums()) == 1


def test_plot_chain_refuses_the_factors_of_another_chain():
    with pytest.raises(ValueError, match="2 factors, but this chain has 10"):
        plot_chain(chain(2.0, LOGISTIC_WEIGHTS), factors=chain_factors(2.0, [1.0]))
    assert plt.get_fignums() == []
