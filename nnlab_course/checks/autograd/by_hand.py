"""Exercises 2.1 to 2.3: values and gradients, node by node"""

# A plain module, edited here.

import torch

from nnlab_course.checks.autograd.lesson_graph import (
    GRADIENTS,
    ONES,
    VALUES,
    Y_TILDE,
    Z_TILDE,
    M,
    X,
)
from nnlab_course.exercises import Exercise, Mistake, SameValue

OTHER_Y_TILDE = 0.5 * torch.tensor([[1.0, 2.0], [0.0, 3.0]])  # not symmetric

forward = Exercise(
    id="2.1",
    slug="forward",
    title="The values forward",
    judges={
        "my_z2": SameValue(
            VALUES["z2"],
            (
                Mistake("z-tilde-missing", "this is z₁; z̃ must still be added", VALUES["z1"]),
                Mistake("z-for-z-tilde", "you added z instead of z̃ = 0.25 z", VALUES["z1"] + 1),
                Mistake(
                    "one-product",
                    "an entry of z₁ is the sum of two products; you took one",
                    VALUES["z1"] / 2 + Z_TILDE,
                ),
                Mistake(
                    "y-for-y-tilde",
                    "you multiplied by y instead of ỹ = 0.5 y",
                    2 * VALUES["z1"] + Z_TILDE,
                ),
                Mistake(
                    "product-for-sum",
                    "z̃ must be added; you multiplied by it",
                    VALUES["z1"] * Z_TILDE,
                ),
            ),
        ),
        "my_y1": SameValue(
            VALUES["y1"],
            (
                Mistake(
                    "z-tilde-missing",
                    "the product is correct; z̃ must still be added",
                    M * VALUES["z2"],
                ),
                Mistake(
                    "M-missing",
                    "this is z₂ + z̃; the product with M is missing",
                    VALUES["z2"] + Z_TILDE,
                ),
                Mistake(
                    "sum-for-product",
                    "M ∘ z₂ is a product, entry by entry; you added",
                    M + VALUES["z2"] + Z_TILDE,
                ),
                Mistake(
                    "z-for-z-tilde",
                    "you added z instead of z̃ = 0.25 z",
                    M * VALUES["z2"] + 1,
                ),
                Mistake(
                    "z1-for-z2", "you multiplied M by z₁ instead of z₂", M * VALUES["z1"] + Z_TILDE
                ),
                Mistake(
                    "z-tilde-inside",
                    "z̃ is added after the product with M, not before",
                    M * (VALUES["z2"] + Z_TILDE),
                ),
            ),
        ),
    },
    hints=(
        "Take the steps in order. All entries of z₁ are equal, and so are those of z₂.",
        "An entry of a matrix product is a row times a column: here, the sum of two products.",
        "∘ multiplies entry by entry, so y₁ has different numbers where M has different ones.",
    ),
    points=2,
)


_M_MISTAKES = (
    Mistake(
        "M-missing", "this is the gradient at y₁; the product with M lies between y₁ and here", ONES
    ),
    Mistake(
        "other-path",
        "this includes the path from z̃ straight to y₁, which does not pass through here",
        M + 1,
    ),
    Mistake(
        "own-value",
        "M ∘ z₂ is linear in z₂: its slope doesn't depend on the value of z₂",
        M * VALUES["z2"],
    ),
    Mistake("squared", "you multiplied by M twice", M * M),
)

near_the_output = Exercise(
    id="2.2",
    slug="near-the-output",
    title="Gradients near the output",
    judges={
        "my_grad_y1": SameValue(
            GRADIENTS["y1"],
            (
                Mistake(
                    "one-number",
                    "a gradient has the shape of its node: what "
                    "does the sum pass on to each of its entries?",
                    1.0,
                ),
                Mistake("mean-for-sum", "o is the sum of the entries, not their mean", ONES / 6),
                Mistake(
                    "value-for-gradient",
                    "these are the values of y₁; how much does o grow when one of them does?",
                    VALUES["y1"],
                ),
                Mistake(
                    "too-far",
                    "this is the gradient at z₂; on the way "
                    "back, y₁ comes before the product with "
                    "M",
                    M,
                ),
            ),
        ),
        "my_grad_z2": SameValue(GRADIENTS["z2"], _M_MISTAKES),
        "my_grad_z1": SameValue(GRADIENTS["z1"], _M_MISTAKES),
        "my_grad_z_tilde": SameValue(
            GRADIENTS["z_tilde"],
            (
                Mistake("second-path", "z̃ is used twice; you counted the path through z₂ only", M),
                Mistake(
                    "first-path",
                    "z̃ is used twice; you counted the path straight into y₁ only",
                    ONES,
                ),
                Mistake("leaf-for-result", "this is ∂o/∂z; the task asks for ∂o/∂z̃", (M + 1) / 4),
                Mistake(
                    "counted-twice",
                    "the two paths don't contribute the same: "
                    "one passes through M, the other doesn't",
                    2 * M,
                ),
                Mistake(
                    "M-missing",
                    "you counted 1 for each path; one of them passes through the product with M",
                    2 * ONES,
                ),
            ),
        ),
    },
    hints=(
        "Begin at o and go back one operation at a time, with the table of rules beside you.",
        "A sum passes the same gradient to every entry; an "
        "elementwise product multiplies it by the other factor.",
        "How many arrows leave z̃ in the drawing? Each "
        "is a path with its own contribution; add them.",
    ),
    points=4,
)


far_from_the_output = Exercise(
    id="2.3",
    slug="far-from-the-output",
    title="Gradients far from the output",
    judges={
        "my_grad_y_tilde": SameValue(
            GRADIENTS["y_tilde"],
            (
                Mistake("leaf-for-result", "this is ∂o/∂y; the task asks for ∂o/∂ỹ", X.T @ M / 2),
                Mistake(
                    "M-missing", "you took ones for the gradient that arrives at z₁", X.T @ ONES
                ),
                Mistake(
                    "mean-for-sum",
                    "every row of x contributes; the contributions are added, not averaged",
                    X.T @ M / 3,
                ),
                Mistake(
                    "path-of-z",
                    "you started from ∂o/∂z̃; the gradient that arrives at the product is ∂o/∂z₁",
                    X.T @ (M + 1),
                ),
            ),
        ),
        "my_grad_x": SameValue(
            GRADIENTS["x"],
            (
                Mistake(
                    "y-for-y-tilde", "x is multiplied by ỹ = 0.5 y, not by y", M @ torch.ones(2, 2)
                ),
                Mistake(
                    "elementwise",
                    "you multiplied entry by entry; the rule is a matrix product",
                    0.5 * M,
                ),
                Mistake(
                    "M-missing",
                    "you took ones for the gradient that arrives at z₁",
                    ONES @ Y_TILDE.T,
                ),
                Mistake(
                    "path-of-z",
                    "you started from ∂o/∂z̃; the gradient that arrives at the product is ∂o/∂z₁",
                    (M + 1) @ Y_TILDE.T,
                ),
            ),
        ),
        "my_grad_y": SameValue(
            GRADIENTS["y"],
            (
                Mistake("result-for-leaf", "this is ∂o/∂ỹ; the step to y is missing", X.T @ M),
                Mistake("factor-twice", "you applied the factor 0.5 twice", X.T @ M / 4),
                Mistake(
                    "inverse-factor",
                    "on the way back, multiply by 0.5; you divided",
                    X.T @ M * 2,
                ),
                Mistake(
                    "M-missing",
                    "you took ones for the gradient that arrives at z₁",
                    X.T @ ONES / 2,
                ),
            ),
        ),
        "my_grad_z": SameValue(
            GRADIENTS["z"],
            (
                Mistake("second-path", "the path straight into y₁ is missing", M / 4),
                Mistake("first-path", "the path through z₂ is missing", ONES / 4),
                Mistake("result-for-leaf", "this is ∂o/∂z̃; the step to z is missing", M + 1),
                Mistake("factor-on-one-path", "the factor 0.25 belongs to both paths", M / 4 + 1),
                Mistake("factor-on-other-path", "the factor 0.25 belongs to both paths", M + 0.25),
                Mistake(
                    "inverse-factor",
                    "on the way back, multiply by 0.25; you divided",
                    4 * (M + 1),
                ),
            ),
        ),
        "my_grad_x_other_y": SameValue(
            M @ OTHER_Y_TILDE.T,
            (
                Mistake(
                    "not-transposed",
                    "you multiplied by ỹ itself; the rule for the first factor has ỹ transposed",
                    M @ OTHER_Y_TILDE,
                ),
                Mistake(
                    "y-for-y-tilde",
                    "x is multiplied by ỹ = 0.5 y, not by y",
                    2 * M @ OTHER_Y_TILDE.T,
                ),
                Mistake(
                    "M-missing",
                    "you took ones for the gradient that arrives at z₁",
                    ONES @ OTHER_Y_TILDE.T,
                ),
                Mistake(
                    "path-of-z",
                    "you started from ∂o/∂z̃; the gradient that arrives at the product is ∂o/∂z₁",
                    (M + 1) @ OTHER_Y_TILDE.T,
                ),
                Mistake(
                    "first-y",
                    "this is the gradient for a y of ones; here y has other entries",
                    GRADIENTS["x"],
                ),
            ),
        ),
    },
    hints=(
        "Find the row of the matrix product in the table. Is it the "
        "gradient of the first factor or of the second that you need?",
        "The gradient of the first factor is G times the transpose of the second one; "
        "that of the second is the transpose of the first one times G. Here G is ∂o/∂z₁.",
        "From y to ỹ and from z to z̃ it is a multiplication by a "
        "number, and the gradient is multiplied by the same number.",
    ),
    points=4,
)
