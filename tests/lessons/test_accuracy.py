"""The accuracies that the lessons state, on the real data and on the embedded ones."""

import pytest
from recipes import RECIPES

from nnlab_course.data import load

SEEDS = (0, 1, 2)


@pytest.fixture(scope="session")
def real():
    """Load a real dataset, once; skip where only the embedded data are there."""
    loaded = {}

    def get(name):
        if name not in loaded:
            loaded[name] = load(name, download=False)
        if loaded[name].name != name:
            pytest.skip(f"the real {name} is not in NNLAB_DATA")
        return loaded[name]

    return get


# One seed of the recipes that take longest; make bench runs the others.
CASES = [
    pytest.param(recipe, seed, id=f"{name}, seed {seed}")
    for name, recipe in RECIPES.items()
    for seed in (SEEDS[:1] if recipe.slow else SEEDS)
]


@pytest.mark.parametrize(("recipe", "seed"), CASES)
def test_recipe_reaches_what_the_lesson_says(recipe, seed, real):
    accuracy = recipe.run(real(recipe.data), seed)
    assert abs(accuracy - recipe.accuracy) <= recipe.tolerance, f"{accuracy:.2%}"


@pytest.mark.parametrize("seed", SEEDS)
def test_digits_are_read_almost_as_well_as_mnist(seed):
    accuracy = RECIPES["MNIST, the notes' recipe"].run(load("digits"), seed)
    assert accuracy >= 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_shapes_leave_room_for_a_better_recipe(seed):
    shapes = load("shapes")
    plain = RECIPES["CIFAR-10, the notes' recipe"].run(shapes, seed)
    better = RECIPES["CIFAR-10, LeNet, 3 epochs"].run(shapes, seed)
    assert 0.60 < plain < better < 0.95


def test_shapes_reward_a_better_network():
    shapes = load("shapes")
    lenet = RECIPES["CIFAR-10, LeNet, 3 epochs"].run(shapes, seed=0)
    assert RECIPES["CIFAR-10, ConvNet, 3 epochs"].run(shapes, seed=0) > lenet + 0.03
