"""Exercises 2.4 to 2.6: one entry moves, three calls of backward, a third path"""

# A plain module, edited here.

import torch

from nnlab_course.checks.autograd.lesson_graph import GRADIENTS, ONES, Z_TILDE, M
from nnlab_course.exercises import Exercise, Mistake, SameValue

one_entry = Exercise(
    id="2.4",
    slug="one-entry",
    title="One entry moves",
    judges={
        "growth_of_o": SameValue(
            0.01 * GRADIENTS["x"][1, 0],
            (
                Mistake(
                    "gradient-for-change",
                    "this is the gradient, the growth per unit; x grows by only 0.01",
                    1.5,
                ),
                Mistake(
                    "wrong-row",
                    "this is correct for another row of x; rows are counted from 0",
                    0.005,
                ),
                Mistake(
                    "entry-of-M",
                    "M[1, 0] is the gradient at z₁; the step "
                    "through the matrix product to x is missing",
                    0.02,
                ),
                Mistake("y-for-y-tilde", "x is multiplied by ỹ = 0.5 y, not by y", 0.03),
                Mistake("new-value", "this is the new value of o; by how much did it grow?", 7.765),
                Mistake(
                    "times-new-entry",
                    "multiply the gradient by the change of the entry, not by its new value",
                    1.515,
                ),
                Mistake("change-of-x", "this is by how much the entry of x grows", 0.01),
            ),
        )
    },
    hints=(
        "Which number of exercise 2.3 tells how o reacts to x[1, 0]?",
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
            3 * GRADIENTS["y"],
            (
                Mistake(
                    "replaced",
                    "this is the gradient of one call; `backward` adds to `.grad`",
                    GRADIENTS["y"],
                ),
                Mistake("two-calls", "this is the sum of two calls", 2 * GRADIENTS["y"]),
                Mistake(
                    "grows-faster",
                    "twice too much: did you take ∂o/∂ỹ for ∂o/∂y, "
                    "or add up sums instead of single gradients?",
                    6 * GRADIENTS["y"],
                ),
                Mistake(
                    "power",
                    "the gradients of the calls are added, not multiplied",
                    GRADIENTS["y"] ** 3,
                ),
                Mistake(
                    "mean", "the gradients of the calls are added, not averaged", GRADIENTS["y"] / 3
                ),
                Mistake(
                    "cleared",
                    "this would be so after clearing; nothing clears the gradient here",
                    torch.zeros(2, 2),
                ),
            ),
        )
    },
    hints=(
        "What does one call leave in `y.grad`? You know it from exercise 2.3.",
        "The graph is computed anew each time, so every call contributes "
        "the same. What happens to the gradient that is already stored?",
    ),
    points=1,
)


third_path = Exercise(
    id="2.6",
    slug="third-path",
    title="A third path",
    judges={
        "z_grad_three_paths": SameValue(
            (M + 1 + 2 * Z_TILDE) / 4,
            (
                Mistake(
                    "two-paths", "the contribution of the new term z̃ ∘ z̃ is missing", (M + 1) / 4
                ),
                Mistake(
                    "one-use",
                    "z̃ ∘ z̃ uses the same tensor twice; you counted one use",
                    (M + 1 + Z_TILDE) / 4,
                ),
                Mistake(
                    "result-for-leaf",
                    "this is the gradient at z̃; the step to z is missing",
                    M + 1 + 2 * Z_TILDE,
                ),
                Mistake(
                    "value-missing",
                    "the two known paths are correct, the new one is not: its slope at "
                    "z̃ depends on the value of z̃, which is not 1, and the factor 0.25 "
                    "on the way to z applies to it as well; one of the two is missing",
                    (M + 3) / 4,
                ),
                Mistake(
                    "new-path-only",
                    "this is the contribution of the new path only; the other two still count",
                    2 * Z_TILDE / 4,
                ),
                Mistake(
                    "square-for-slope",
                    "you added the value of z̃ ∘ z̃, not its slope",
                    (M + 1 + Z_TILDE**2) / 4,
                ),
                Mistake("direct-path", "the path through z₂ is missing", (ONES + 2 * Z_TILDE) / 4),
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
