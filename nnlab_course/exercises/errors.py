"""Explain what a student's code raises, in words that don't need a library's internals"""

# A plain module, edited here.

import re

from nnlab_course.exercises.answers import AnswerError

# A pattern for the error's text, the slug, and what is wrong and what to do.
_EXPLAINED = (
    (
        r"Boolean value of Tensor|truth value of an array",
        "branch-on-tensor",
        "`if`, `and`, `max` and `min` decide once, but x is a tensor of many numbers; decide for "
        "each of them with `torch.where`, `torch.clamp` or `torch.maximum`",
    ),
    (
        r"converted to Python scalars|only .*arrays can be converted|can be converted to a Scalar",
        "math-on-tensor",
        "functions of `math` take a single number, but x is a tensor of many; torch has a function "
        "of the same name",
    ),
    (
        r"could not be inferred.*floating|should be floating point|must be.*floating point"
        r"|only supports? floating|Input dtype must be either a floating",
        "bytes",
        "bytes and other whole numbers have no `mean` and no `std`; make floating-point numbers of "
        "them first, by `/ 255` or `.float()`",
    ),
    (
        r"(bitwise|and|or|xor)_\w+\" not implemented for|unsupported operand type\(s\) for [&|]",
        "brackets",
        "`&` and `|` bind more tightly than `<` and `>`; put brackets round each comparison: "
        "`(x > 0) & (x < 6)`",
    ),
    (
        r"invalid combination of arguments.*out=NoneType"
        r"|unexpected keyword argument '(axis|out|keepdims)'",
        "numpy-on-tensor",
        "a function of numpy was given a tensor; use torch's function of that name, or call "
        "`x.numpy()` first",
    ),
    (
        r"Can't call numpy\(\) on Tensor that requires grad",
        "numpy-on-graph",
        "a tensor that records gradients has no numpy array; call `x.detach().numpy()`",
    ),
    (
        r"strides .*negative|negative strides",
        "negative-strides",
        "torch can't use an array that numpy has reversed; reverse the tensor with `x.flip(0)`, or "
        "copy the array with `.copy()`",
    ),
    (
        r"leaf Variable that requires grad",
        "in-place-on-leaf",
        "a tensor with `requires_grad=True` can't be changed in place while gradients are "
        "recorded; update it inside `with torch.no_grad():`",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "no-graph",
        "`backward` finds no graph: none of the inputs has `requires_grad=True`, or the graph was "
        "cut by `.data`, `.item()`, `.detach()` or numpy",
    ),
    (
        r"modified by an inplace operation",
        "in-place",
        "a tensor that `backward` needs was changed in place; compute a new tensor instead",
    ),
    (
        r"Trying to backward through the graph a second time",
        "second-backward",
        "the graph is gone after `backward`; compute the result again before you call it again",
    ),
    (
        r"NoneType",
        "none",
        "a value is None there: a function without `return`, or `.grad` of a tensor that isn't a "
        "leaf or before `backward` (after `view`, `.to` or any operation a tensor is no leaf)",
    ),
    (
        r"expected target dtype|expected scalar type Long",
        "labels-not-whole",
        "labels must be whole numbers, int64: call `.long()`",
    ),
    (
        r"same dtype|scalar type|dtypes? (must )?match|[Ii]nput type .* (weight|bias) type"
        r"|mixed dtype|can't be cast",
        "dtype",
        "tensors of two dtypes are combined, such as float32 and float64; convert one of them: "
        "`a.to(b.dtype)`",
    ),
    (
        r"shapes cannot be multiplied|inconsistent tensor size|size mismatch|mismatch in its core"
        r"|must be a matrix|matmul",
        "matrix-sizes",
        "in a product of matrices the number of columns of the first must be the number of rows of "
        "the second; print both shapes",
    ),
    (
        r"must match the (existing )?size|could not be broadcast|not broadcastable"
        r"|doesn't match the broadcast|shape mismatch|must match except|equal size|expand\(",
        "sizes-differ",
        "two tensors of different sizes are combined; print their shapes",
    ),
    (
        r"[Dd]imension out of range|dimension specified as .* but|axis .* out of bounds|Dimension "
        r"specified",
        "no-such-dimension",
        "a tensor has no dimension of this number; dimensions count from 0",
    ),
    (
        r"too many indices",
        "too-many-indices",
        "more indices are given than the tensor has dimensions",
    ),
    (
        r"index .*out of (range|bounds)|list index out of range|selects? .*out of",
        "index-out-of-range",
        "an index lies outside; of n entries the last has the index n − 1",
    ),
    (
        r"view size is not compatible",
        "view",
        "the entries don't lie one after the other (after a transpose, or where channels come last "
        "in memory, as in `LeNet`); use `reshape` for `view`",
    ),
    (
        r"shape '.*' is invalid|cannot reshape|unflatten|split_with_sizes",
        "reshape",
        "the tensor can't take this shape: the number of entries must stay the same",
    ),
    (
        r"greater than actual input size|[Pp]adding|Given groups=|Expected \d-?D|[Ee]xpected \d+D",
        "layer-input",
        "a layer or function was given a tensor of another shape than it takes; print the shape",
    ),
    (
        r"appears multiple times in the list of dims|repeated dim",
        "dim-twice",
        "the same dimension is named twice",
    ),
    (
        r"negative dimension",
        "negative-size",
        "a tensor is made with a negative size; compute the size again",
    ),
    (r"division by zero", "zero-division", "something is divided by 0"),
    (r"math domain error", "domain", "a root or logarithm was taken of a negative number or of 0"),
    (r"math range error|OverflowError", "overflow", "a number became too large"),
    (
        r"NameError|UnboundLocalError",
        "name",
        "a name is used that has no value; is it spelled correctly, and defined above?",
    ),
    (
        r"positional argument|unexpected keyword|required argument",
        "arguments-of-function",
        "a function gets more or fewer arguments than it takes, or one of another name",
    ),
    (
        r"unpack",
        "unpack",
        "a number of values on the right doesn't fit the names on the left, or a pair of brackets "
        "is missing",
    ),
    (
        r"object has no attribute|has no attribute",
        "attribute",
        "this kind of object has no method or attribute of that name",
    ),
    (
        r"unsupported operand|must be (real )?numbers?|must be a? ?[Tt]ensor"
        r"|argument '\w+' .*must be|not callable|not subscriptable|not iterable"
        r"|invalid combination of arguments|has no len|is not a Module subclass"
        r"|only integer tensors|can only|indices must be|only integers",
        "type",
        "a function or operator is given an object of a kind that it doesn't take",
    ),
    (r"maximum recursion", "recursion", "a function calls itself without end"),
)


# Their own texts name a library's internals, and say less than the explanation.
_TEXT_HIDDEN = {
    *("branch-on-tensor", "math-on-tensor", "bytes", "brackets", "dtype", "labels-not-whole"),
    *("numpy-on-tensor", "numpy-on-graph", "negative-strides", "view"),
    *("in-place", "in-place-on-leaf", "no-graph", "second-backward"),
}


def explain(error: BaseException) -> AnswerError:
    """Make an error for the student of what their code raised."""
    kind, text = type(error).__name__, str(error)
    # torch appends its signatures and its own stack from the second line on.
    first = text.partition("\n")[0].partition(" - got (")[0][:200].rstrip(" .")
    first = re.sub(r"^\w+: (mat1)", r"\1", first)
    for pattern, slug, explanation in _EXPLAINED:
        if re.search(pattern, f"{kind}: {text}"):
            shown = explanation if slug in _TEXT_HIDDEN else f"{first}; {explanation}"
            return AnswerError(f"your code raised {kind}: {shown}", slug)
    return AnswerError(f"your code raised {kind}: {first}", "raised")
