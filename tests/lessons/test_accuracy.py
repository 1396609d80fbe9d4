"""One short training run; `make bench` checks every accuracy that the course states."""

from recipes import RECIPES

from nnlab_course.data import load


def test_the_embedded_digits_are_read_almost_as_well_as_mnist():
    accuracy = RECIPES["MNIST, the notes' recipe"].run(load("digits"), seed=0)
    assert accuracy >= 0.95
