"""The exercises on the computation graph: every value and gradient, and what goes wrong"""

# A plain module, edited here.

import math
from functools import partial

import torch
from torch import Tensor

from nnlab_course.exercises import Exercise, Mistake, Progress, SameFunction, SameValue

__all__ = [
    "EXERCISES",
    "bias",
    "engine",
    "far_from_the_output",
    "forward",
    "near_the_output",
    "one_entry",
    "progress",
    "third_path",
    "three_times",
]

_M = torch.tensor([[1.0, 0.0], [2.0, 1.0], [0.0, 1.0]])
_ONES = torch.ones(3, 2)


def _graph() -> dict[str, Tensor]:
    """Compute the graph of the lesson from new leaves."""
    leaves = {"x": (3, 2), "y": (2, 2), "z": (3, 2)}
    nodes = {name: torch.ones(*shape, requires_grad=True) for name, shape in leaves.items()}
    nodes |= {"y_tilde": 0.5 * nodes["y"], "z_tilde": 0.25 * nodes["z"]}
    nodes["z1"] = nodes["x"] @ nodes["y_tilde"]
    nodes["z2"] = nodes["z1"] + nodes["z_tilde"]
    nodes["y1"] = _M * nodes["z2"] + nodes["z_tilde"]
    return nodes | {"o": nodes["y1"].sum()}


_nodes = _graph()
_GRADIENTS = dict(zip(_nodes, torch.autograd.grad(_nodes["o"], list(_nodes.values())), strict=True))
_VALUES = {name: node.detach() for name, node in _nodes.items()}
_X, _Y_TILDE, _Z_TILDE = (_VALUES[name] for name in ("x", "y_tilde", "z_tilde"))


forward = Exercise(
    id="2.1",
    slug="forward",
    title="The values forward",
    judges={
        "my_z2": SameValue(
            _VALUES["z2"],
            (
                Mistake("z-tilde-missing", "this is z₁, z̃ is still to be added", _VALUES["z1"]),
                Mistake(
                    "z-for-z-tilde", "you added z; the factor 0.25 makes z̃ of it", _VALUES["z1"] + 1
                ),
                Mistake(
                    "one-product",
                    "an entry of z₁ adds up two products, you took one",
                    _VALUES["z1"] / 2 + _Z_TILDE,
                ),
                Mistake(
                    "y-for-y-tilde",
                    "you multiplied by y; the factor 0.5 makes ỹ of it",
                    2 * _VALUES["z1"] + _Z_TILDE,
                ),
                Mistake(
                    "product-for-sum",
                    "z̃ is to be added, you multiplied by it",
                    _VALUES["z1"] * _Z_TILDE,
                ),
            ),
        ),
        "my_y1": SameValue(
            _VALUES["y1"],
            (
                Mistake(
                    "z-tilde-missing",
                    "the product is right, z̃ is still to be added",
                    _M * _VALUES["z2"],
                ),
                Mistake(
                    "M-missing", "this is z₂ + z̃, M has not been used", _VALUES["z2"] + _Z_TILDE
                ),
                Mistake(
                    "sum-for-product",
                    "M ∘ z₂ is a product, entry by entry; you added",
                    _M + _VALUES["z2"] + _Z_TILDE,
                ),
                Mistake(
                    "z-for-z-tilde",
                    "you added z; the factor 0.25 makes z̃ of it",
                    _M * _VALUES["z2"] + 1,
                ),
                Mistake(
                    "z1-for-z2", "you multiplied M by z₁, not by z₂", _M * _VALUES["z1"] + _Z_TILDE
                ),
                Mistake(
                    "z-tilde-inside",
                    "z̃ is added after the product with M, not before",
                    _M * (_VALUES["z2"] + _Z_TILDE),
                ),
            ),
        ),
    },
    hints=(
        "Take the steps in their order. Every entry of z₁ is the same, and so is every entry of "
        "z₂.",
        "An entry of a matrix product is a row times a column: two products here, to be added up.",
        "∘ multiplies entry by entry, so y₁ has a different number wherever M has.",
    ),
    points=2,
)


_M_MISTAKES = (
    Mistake(
        "M-missing", "that is what arrives at y₁; an operation lies between y₁ and here", _ONES
    ),
    Mistake(
        "other-path", "this adds the path from z̃ to y₁, which does not pass through here", _M + 1
    ),
    Mistake(
        "own-value",
        "M ∘ z₂ is linear in z₂: its slope doesn't depend on the value of z₂",
        _M * _VALUES["z2"],
    ),
    Mistake("squared", "you multiplied by M twice", _M * _M),
)

near_the_output = Exercise(
    id="2.2",
    slug="near-the-output",
    title="Gradients near the output",
    judges={
        "my_grad_y1": SameValue(
            _GRADIENTS["y1"],
            (
                Mistake(
                    "one-number",
                    "a gradient has the shape of its node: what does the sum hand to each of its "
                    "entries?",
                    1.0,
                ),
                Mistake("mean-for-sum", "o is the sum of the entries, not their mean", _ONES / 6),
                Mistake(
                    "value-for-gradient",
                    "these are the values of y₁; how much does o grow when one of them does?",
                    _VALUES["y1"],
                ),
                Mistake("too-far", "M comes in one step later, on the way to z₂", _M),
            ),
        ),
        "my_grad_z2": SameValue(_GRADIENTS["z2"], _M_MISTAKES),
        "my_grad_z1": SameValue(_GRADIENTS["z1"], _M_MISTAKES),
        "my_grad_z_tilde": SameValue(
            _GRADIENTS["z_tilde"],
            (
                Mistake("second-path", "z̃ is used twice; you counted the path through z₂ only", _M),
                Mistake(
                    "first-path",
                    "z̃ is used twice; you counted the path straight into y₁ only",
                    _ONES,
                ),
                Mistake("leaf-for-result", "this is ∂o/∂z; asked for is ∂o/∂z̃", (_M + 1) / 4),
                Mistake(
                    "counted-twice",
                    "the two paths don't bring the same: one passes through M, the other doesn't",
                    2 * _M,
                ),
                Mistake("product-of-paths", "contributions of several paths are added", 2 * _ONES),
            ),
        ),
    },
    hints=(
        "Begin at o and go back one operation at a time, with the table of rules beside you.",
        "A sum gives every entry the same; an elementwise product multiplies by the other factor.",
        "How many arrows leave z̃ in the drawing? Each brings a contribution, and they are added.",
    ),
    points=4,
)


far_from_the_output = Exercise(
    id="2.3",
    slug="far-from-the-output",
    title="Gradients far from the output",
    judges={
        "my_grad_y_tilde": SameValue(
            _GRADIENTS["y_tilde"],
            (
                Mistake("leaf-for-result", "this is ∂o/∂y; asked for is ∂o/∂ỹ", _X.T @ _M / 2),
                Mistake(
                    "M-missing", "you took ones for the gradient that arrives at z₁", _X.T @ _ONES
                ),
                Mistake(
                    "mean-for-sum",
                    "every row of x makes a contribution; they are added, not averaged",
                    _X.T @ _M / 3,
                ),
                Mistake(
                    "path-of-z",
                    "you started from ∂o/∂z̃; the product hands on ∂o/∂z₁",
                    _X.T @ (_M + 1),
                ),
            ),
        ),
        "my_grad_x": SameValue(
            _GRADIENTS["x"],
            (
                Mistake("y-for-y-tilde", "x is multiplied by ỹ, not by y", _M @ torch.ones(2, 2)),
                Mistake(
                    "elementwise",
                    "you multiplied entry by entry; the rule has a matrix product",
                    0.5 * _M,
                ),
                Mistake(
                    "M-missing",
                    "you took ones for the gradient that arrives at z₁",
                    _ONES @ _Y_TILDE.T,
                ),
                Mistake(
                    "path-of-z",
                    "you started from ∂o/∂z̃; the product hands on ∂o/∂z₁",
                    (_M + 1) @ _Y_TILDE.T,
                ),
            ),
        ),
        "my_grad_y": SameValue(
            _GRADIENTS["y"],
            (
                Mistake("result-for-leaf", "this is ∂o/∂ỹ; one step is left to y", _X.T @ _M),
                Mistake("factor-twice", "you applied the factor 0.5 twice", _X.T @ _M / 4),
                Mistake(
                    "inverse-factor",
                    "going back multiplies by 0.5, it doesn't divide",
                    _X.T @ _M * 2,
                ),
                Mistake(
                    "M-missing",
                    "you took ones for the gradient that arrives at z₁",
                    _X.T @ _ONES / 2,
                ),
            ),
        ),
        "my_grad_z": SameValue(
            _GRADIENTS["z"],
            (
                Mistake("second-path", "the path straight into y₁ is missing", _M / 4),
                Mistake("first-path", "the path through z₂ is missing", _ONES / 4),
                Mistake("result-for-leaf", "this is ∂o/∂z̃; one step is left to z", _M + 1),
                Mistake("factor-on-one-path", "the factor 0.25 belongs to both paths", _M / 4 + 1),
                Mistake("factor-on-other-path", "the factor 0.25 belongs to both paths", _M + 0.25),
                Mistake(
                    "inverse-factor",
                    "going back multiplies by 0.25, it doesn't divide",
                    4 * (_M + 1),
                ),
            ),
        ),
    },
    hints=(
        "For the matrix product the shapes decide: there is one way only to multiply G and the "
        "other factor that gives the right shape.",
        "One of the two factors is transposed. Which one must it be, for a 2 × 2 and for a 3 × 2?",
        "From ỹ to y and from z̃ to z it is a multiplication by a number: the gradient gets the "
        "same "
        "number.",
    ),
    points=4,
)


one_entry = Exercise(
    id="2.4",
    slug="one-entry",
    title="One entry moves",
    judges={
        "growth_of_o": SameValue(
            0.01 * _GRADIENTS["x"][1, 0],
            (
                Mistake(
                    "gradient-for-change",
                    "this is the gradient, the growth per unit; x grows by 0.01 only",
                    1.5,
                ),
                Mistake("wrong-row", "this belongs to another row of x; rows count from 0", 0.005),
                Mistake(
                    "entry-of-M",
                    "M[1, 0] is the gradient at z₁; from there one product is left to x",
                    0.02,
                ),
                Mistake("y-for-y-tilde", "x is multiplied by ỹ, not by y", 0.03),
                Mistake(
                    "new-value", "this is the new value of o; by how much has it grown?", 7.765
                ),
                Mistake(
                    "times-new-entry",
                    "multiply by the change of the entry, not by the entry",
                    1.515,
                ),
                Mistake("change-of-x", "this is by how much x grows", 0.01),
            ),
        )
    },
    hints=(
        "Which number of exercise 2.3 says how o reacts to x[1, 0]?",
        "The gradient is the growth per unit. How many units does x[1, 0] move?",
    ),
    points=1,
)


three_times = Exercise(
    id="2.5",
    slug="three-times",
    title="Three times backward",
    judges={
        "y_grad_after_three": SameValue(
            3 * _GRADIENTS["y"],
            (
                Mistake(
                    "replaced",
                    "this is the gradient of one call; `backward` adds to `.grad`",
                    _GRADIENTS["y"],
                ),
                Mistake("two-calls", "this is the sum of two calls", 2 * _GRADIENTS["y"]),
                Mistake(
                    "grows-faster",
                    "too much: either you took ∂o/∂ỹ for ∂o/∂y, or added sums instead of single "
                    "gradients",
                    6 * _GRADIENTS["y"],
                ),
                Mistake("power", "calls add up, they don't multiply", _GRADIENTS["y"] ** 3),
                Mistake(
                    "mean", "calls add up, nobody divides by their number", _GRADIENTS["y"] / 3
                ),
                Mistake("cleared", "nobody cleared the gradient", torch.zeros(2, 2)),
            ),
        )
    },
    hints=(
        "What does one call leave in `y.grad`? You know it from exercise 2.3.",
        "The graph is computed anew each time, so every call brings the same. What happens to "
        "what is "
        "there already?",
    ),
    points=1,
)


third_path = Exercise(
    id="2.6",
    slug="third-path",
    title="A third path",
    judges={
        "z_grad_three_paths": SameValue(
            (_M + 1 + 2 * _Z_TILDE) / 4,
            (
                Mistake("two-paths", "the new term z̃ ∘ z̃ brings nothing in yours", (_M + 1) / 4),
                Mistake(
                    "one-use",
                    "in z̃ ∘ z̃ the same tensor is used twice; you counted one use",
                    (_M + 1 + _Z_TILDE) / 4,
                ),
                Mistake(
                    "result-for-leaf",
                    "this is the gradient at z̃; one step is left to z",
                    _M + 1 + 2 * _Z_TILDE,
                ),
                Mistake(
                    "value-missing",
                    "the slope of z̃ ∘ z̃ depends on the value of z̃, which is not 1",
                    (_M + 3) / 4,
                ),
                Mistake(
                    "new-path-only",
                    "this is the new path alone; the two others are still there",
                    2 * _Z_TILDE / 4,
                ),
                Mistake(
                    "square-for-slope",
                    "you added the value of z̃ ∘ z̃, not its slope",
                    (_M + 1 + _Z_TILDE**2) / 4,
                ),
                Mistake(
                    "direct-path", "the path through z₂ is missing", (_ONES + 2 * _Z_TILDE) / 4
                ),
            ),
        )
    },
    hints=(
        "The two paths you know are still there. What does the new term add at z̃?",
        "z̃ ∘ z̃ is a square, entry by entry: what is the slope of u², and how large is u here?",
        "Add up the contributions at z̃ first, then take the step to z.",
    ),
    points=2,
)


def _random(*shape: int) -> tuple[Tensor]:
    return (torch.randn(*shape, generator=torch.Generator().manual_seed(0)),)


bias = Exercise(
    id="2.7",
    slug="bias",
    title="A bias that serves every row",
    judges={
        "bias_gradient": SameFunction(
            lambda G: G.sum(dim=0),
            (_random(5, 3), _random(3, 3)),
            (
                Mistake(
                    "rows-for-columns",
                    "you added up along the rows; b is used once in each row",
                    lambda G: G.sum(dim=1),
                ),
                Mistake(
                    "mean-for-sum",
                    "the contributions of the rows are added, not averaged",
                    lambda G: G.mean(dim=0),
                ),
                Mistake(
                    "not-summed",
                    "this is the gradient of the result; b has only one row",
                    lambda G: G,
                ),
                Mistake(
                    "everything-summed",
                    "every entry of b has a gradient of its own",
                    lambda G: G.sum(),
                ),
                Mistake(
                    "first-row",
                    "the first row is one of the uses of b, all of them count",
                    lambda G: G[0],
                ),
                Mistake(
                    "last-row",
                    "the last row is one of the uses of b, all of them count",
                    lambda G: G[-1],
                ),
                Mistake(
                    "one-dimension-more",
                    "the sum is right, but b has one dimension",
                    lambda G: G.sum(dim=0, keepdim=True),
                ),
                Mistake(
                    "counted",
                    "this counts the uses; each brings its entry of G",
                    lambda G: torch.full_like(G[0], len(G)),
                ),
            ),
        )
    },
    hints=(
        "Write down a result of two rows. Where does b₀ occur?",
        "A tensor that is used several times receives the sum of the contributions.",
        "Over which of the two dimensions of G do the uses of one entry of b run?",
    ),
    points=2,
)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _pair(x: float) -> list[float]:
    s = _logistic(x)
    return [s, s * (1 - s)]


engine = Exercise(
    id="2.8",
    slug="engine",
    title="Teach the engine a function",
    judges={
        "sigmoid_and_slope": SameFunction(
            _pair,
            tuple((x,) for x in (-4.0, -1.5, -0.2, 0.0, 0.7, 2.0, 4.0)),
            (
                Mistake(
                    "no-parents",
                    "the value is right, but no gradient arrives at the input: the new `Value` "
                    "has no parents",
                    lambda x: [_logistic(x), 0.0],
                ),
                Mistake(
                    "slope-of-one",
                    "the value is right, the slope towards the input is not 1",
                    lambda x: [_logistic(x), 1.0],
                ),
                Mistake(
                    "value-for-slope",
                    "the value is right, but you noted it as the slope, too",
                    lambda x: [_logistic(x)] * 2,
                ),
                Mistake(
                    "argument-for-value",
                    "in the slope, put the value of the logistic, not x",
                    lambda x: [_logistic(x), x * (1 - x)],
                ),
                Mistake(
                    "slope-of-tanh",
                    "1 − s² is the slope of tanh",
                    lambda x: [_logistic(x), 1 - _logistic(x) ** 2],
                ),
                Mistake(
                    "sign-of-exponent",
                    "it falls where the logistic rises: look at the sign of the exponent",
                    lambda x: [_pair(-x)[0], -_pair(x)[1]],
                ),
                Mistake(
                    "not-stretched",
                    "tanh(x) / 2 + 1 / 2 rises twice as fast as the logistic",
                    lambda x: [_pair(2 * x)[0], 2 * _pair(2 * x)[1]],
                ),
                Mistake(
                    "tanh-for-logistic",
                    "this is tanh",
                    lambda x: [math.tanh(x), 1 - math.tanh(x) ** 2],
                ),
            ),
        )
    },
    hints=(
        "Two roads: note the slope yourself, as `tanh` does in the class; or build the logistic "
        "from "
        "functions that the engine has already.",
        "The first road needs the number `value.data`, the slope of the logistic (lesson 1), and "
        "a new "
        "`Value` with one pair as its parents.",
        "The second road: lesson 1 says how tanh and the logistic are related. Solve that for σ.",
    ),
    points=3,
)


EXERCISES = (
    forward,
    near_the_output,
    far_from_the_output,
    one_entry,
    three_times,
    third_path,
    bias,
    engine,
)
progress = partial(Progress, EXERCISES)
