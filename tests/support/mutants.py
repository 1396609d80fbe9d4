"""Worked solutions, changed a little: the checks must refuse what computes something else.

`python tests/support/mutants.py` prints the figures; with the names of lessons, what was accepted
and what got no name besides.
"""

import ast
import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from worked import LESSONS, Worked, defined, worked_solutions

from nnlab_course.exercises import SameFunction, SameValue, as_tensor

GENERAL = {None, "value", "shape", "raised", "unreadable", "other-network", "between-layers"}
MOST = 60  # mutants of one exercise, evenly taken


# --- mutants ------------------------------------------------------------------------------------

_OTHER_OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add, ast.Mult),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult, ast.Sub),
    ast.Pow: (ast.Mult, ast.Add),
    ast.FloorDiv: (ast.Div, ast.Mult),
}
_OTHER_COMPARISONS = {
    ast.Gt: (ast.Lt, ast.Eq),
    ast.Lt: (ast.Gt, ast.Eq),
    ast.Eq: (ast.NotEq, ast.Gt),
    ast.GtE: (ast.Lt, ast.Eq),
    ast.LtE: (ast.Gt, ast.Eq),
}
_OTHER_NAMES = {
    "exp": ("log", "expm1"),
    "log": ("log2", "log10", "exp"),
    "sigmoid": ("tanh", "exp"),
    "tanh": ("sigmoid", "sin"),
    "relu": ("abs", "sigmoid"),
    "erf": ("tanh", "erfc"),
    "sqrt": ("abs", "square"),
    "sum": ("mean", "amax", "prod"),
    "mean": ("sum", "amax"),
    "std": ("var", "mean"),
    "all": ("any",),
    "any": ("all",),
    "argmax": ("argmin",),
    "min": ("max",),
    "max": ("min",),
    "triu": ("tril",),
    "softmax": ("log_softmax", "sigmoid"),
    "zeros": ("ones",),
    "zeros_like": ("ones_like",),
    "ReLU": ("Tanh", "Sigmoid", "Identity", "ELU", "Softplus"),
    "Tanh": ("ReLU", "Sigmoid", "Identity", "Softsign", "Hardtanh", "ReLU6"),
    "MaxPool2d": ("AvgPool2d", "Identity"),
}
_OTHER_WORDS = ("xavier", "kaiming", "default")
_ROUND_A_NETWORK = (
    "nn.Sequential({}, nn.ReLU())",
    "nn.Sequential({}, nn.Tanh())",
    "nn.Sequential({}, nn.Sigmoid())",
    "nn.Sequential({}, nn.Softmax(dim=1))",
    "nn.Sequential({}, nn.LogSoftmax(dim=1))",
    "nn.Sequential(nn.Sigmoid(), {})",
    "nn.Sequential({}, nn.Flatten(0))",
    "nn.Sequential({}, nn.LazyLinear(3))",
    "nn.Sequential({}, {})",
    "[{}]",
    "({}, None)",
    "({}).state_dict()",
)
_AT_THE_END = (
    "-({})",
    "2 * ({})",
    "({}) + 1",
    "({}) ** 2",
    "1 / ({})",
    "({}).T",
    "({}).flip(0)",
    "({}).int()",
    "({}).sum()",
    "({}).mean()",
    "({})[None]",
    "({})[:-1]",
    "({}).abs()",
    "({}).roll(1)",
)


def _variants(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    match node:
        case ast.BinOp(left, operator, right):
            yield from (
                ast.BinOp(left, o(), right) for o in _OTHER_OPERATORS.get(type(operator), ())
            )
            yield from (left, right, ast.BinOp(right, operator, left))
        case ast.UnaryOp(ast.USub(), operand):
            yield operand
        case ast.Compare(left, [comparison], others):
            for other in _OTHER_COMPARISONS.get(type(comparison), ()):
                yield ast.Compare(left, [other()], others)
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value) | float(value)):
            for other in (value + 1, value - 1, 2 * value, 10 * value, -value):
                if other != value:
                    yield ast.Constant(other)
        case ast.Constant(str(value)) if value in _OTHER_WORDS:
            yield from (ast.Constant(word) for word in _OTHER_WORDS if word != value)
        case ast.Attribute(value, "T"):
            yield value
        case ast.Attribute(value, name):
            yield from (ast.Attribute(value, n, node.ctx) for n in _OTHER_NAMES.get(name, ()))
        case ast.Call(function, arguments, keywords):
            yield from _other_calls(function, arguments, keywords)
        case ast.Slice(lower, upper) if lower or upper:
            yield ast.Slice(upper, lower)
            yield ast.Slice(None, None)
        case ast.List(items) | ast.Tuple(items) if len(items) > 1:
            yield type(node)(items[::-1], node.ctx)
            yield type(node)(items[:-1], node.ctx)


def _other_calls(function: ast.expr, arguments: list, keywords: list) -> Iterator[ast.AST]:
    if isinstance(function, ast.Attribute):  # x.f() becomes x
        yield function.value if not arguments else arguments[0]
    for number in range(len(keywords)):
        yield ast.Call(function, arguments, keywords[:number] + keywords[number + 1 :])
    if len(arguments) > 1:
        yield ast.Call(function, [*arguments[1::-1], *arguments[2:]], keywords)


def _replaced(tree: ast.Module, number: int, variant: int) -> str | None:
    """Write the code with one node replaced; None where there is no such variant."""
    tree = copy.deepcopy(tree)
    node = list(ast.walk(tree))[number]
    others = list(_variants(node))
    if variant >= len(others):
        return None
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, name, others[variant])
            elif isinstance(value, list) and any(item is node for item in value):
                setattr(parent, name, [others[variant] if i is node else i for i in value])
    return ast.unparse(ast.fix_missing_locations(tree))


def _inside(source: str) -> Iterator[str]:
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        for variant in range(len(list(_variants(node)))):
            yield _replaced(tree, number, variant)


def _at_the_end(source: str) -> Iterator[str]:
    """Change what a function returns, or what a name holds."""
    tree = ast.parse(source)
    for number, node in enumerate(ast.walk(tree)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.expr):
            for form in _ROUND_A_NETWORK if "nn." in source else _AT_THE_END:
                changed = copy.deepcopy(tree)
                end = list(ast.walk(changed))[number]
                end.value = ast.parse(form.replace("{}", ast.unparse(node.value)), mode="eval").body
                yield ast.unparse(ast.fix_missing_locations(changed))
        if isinstance(node, ast.FunctionDef) and node.args.args:  # in place
            changed = copy.deepcopy(tree)
            function = list(ast.walk(changed))[number]
            function.body.insert(0, ast.parse(f"{node.args.args[0].arg}.neg_()").body[0])
            yield ast.unparse(ast.fix_missing_locations(changed))


def _of_value(value: Any) -> Iterator[Any]:
    """Change a number, list or tensor."""
    tensor = as_tensor(value)
    yield from (-tensor, 2 * tensor, tensor / 2, tensor + 1, tensor - 1, 10 * tensor, tensor**2)
    yield from (1 / tensor, tensor.round() + 0.5, tensor * 0)
    if tensor.ndim == 0:
        yield from (tensor / 10, 1 - tensor, tensor + 10, tensor * 1.05, 3 * tensor)
        return
    yield from (tensor.flip(0), tensor.sum(), tensor.mean(), tensor[:-1], tensor.flatten()[:-1])
    yield from (tensor.T if tensor.ndim == 2 else tensor.roll(1), tensor.cumsum(0))
    for index in (0, -1):
        changed = tensor.clone()
        changed.view(-1)[index] += 1
        yield changed


@dataclass
class Mutant:
    """An exercise's answers, one of them changed, and a word on how."""

    answers: list
    text: str


def mutants(worked: Worked) -> list[Mutant]:
    """Make mutants of a worked solution, in a fixed order."""
    found = []
    for source in dict.fromkeys([*_inside(worked.source), *_at_the_end(worked.source)]):
        if source == worked.source:
            continue
        try:
            found.append(Mutant(worked.answers(source), source))
        except Exception:
            continue  # a notebook with this cell has no answer at all
    right = worked.answers()
    for number in range(len(right)):
        if not callable(right[number]):
            for value in _of_value(right[number]):
                answers = [*right[:number], value.tolist(), *right[number + 1 :]]
                found.append(
                    Mutant(answers, f"{worked.exercise.names[number]} = {answers[number]}")
                )
    step = max(1, len(found) / MOST)
    return [found[int(k * step)] for k in range(min(len(found), MOST))]


# --- equivalent forms ---------------------------------------------------------------------------


class _Commuted(ast.NodeTransformer):
    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        if isinstance(node.op, ast.Add | ast.Mult) and not isinstance(node.left, ast.List):
            node.left, node.right = node.right, node.left
        return node


class _Renamed(ast.NodeTransformer):
    """Gives every argument and variable of a function another name."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        local = {a.arg for a in node.args.args} | defined(ast.Module(node.body, []))
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in local:
                inner.id += "_1"
            elif isinstance(inner, ast.arg):
                inner.arg += "_1"
        return node


def equivalent_forms(worked: Worked) -> Iterator[Mutant]:
    """Write a solution in other ways that are right as well."""
    tree = ast.parse(worked.source)
    for transformer in (_Commuted(), _Renamed()):
        source = ast.unparse(ast.fix_missing_locations(transformer.visit(copy.deepcopy(tree))))
        yield Mutant(worked.answers(source), source)
    right, judges = worked.answers(), worked.exercise.judges.values()
    for change, text in (
        (lambda v: as_tensor(v).float(), "float32"),
        (lambda v: as_tensor(v).requires_grad_(), "requires_grad"),
        (lambda v: as_tensor(v).numpy(), "numpy"),
        (lambda v: as_tensor(v).tolist(), "lists"),
    ):
        if any(isinstance(judge, SameValue | SameFunction) for judge in judges):
            yield Mutant([_through(a, j, change) for a, j in zip(right, judges, strict=True)], text)
    if all(isinstance(judge, SameFunction) for judge in judges):
        yield Mutant([_negated_twice(answer) for answer in right], "double negation")


def _through(answer: Any, judge: Any, change: Callable[[Any], Any]) -> Any:
    """Change the type of an answer, or of what it returns."""
    if isinstance(judge, SameFunction):
        return lambda *arguments: change(answer(*arguments))
    return change(answer) if isinstance(judge, SameValue) else answer


def _negated_twice(answer: Callable) -> Callable:
    return lambda *arguments: as_tensor(answer(*arguments)).neg().neg()


# --- judging ------------------------------------------------------------------------------------


def differs(answer: Any, right: Any, judge: Any) -> bool | None:
    """Tell whether an answer differs from the right one on what the judge sees; None: who knows."""
    if isinstance(judge, SameValue):
        return not _near(answer, right, judge)
    if not isinstance(judge, SameFunction):
        return None
    for case in judge.cases:
        try:
            found = answer(*copy.deepcopy(case))
        except Exception:
            return True
        if not _near(found, right(*copy.deepcopy(case)), judge):
            return True
    return False


def _near(answer: Any, right: Any, judge: Any) -> bool:
    """Compare more loosely than the judge: what lies at its tolerance counts as the same."""
    try:
        answer, right = as_tensor(answer), as_tensor(right)
    except ValueError:
        return False
    if answer.numel() == right.numel() == 1:
        answer = answer.reshape(right.shape)
    return answer.shape == right.shape and torch.allclose(
        answer, right, rtol=3 * judge.rtol, atol=3 * judge.atol, equal_nan=False
    )


@dataclass
class Figures:
    """What became of a lesson's mutants."""

    mutants: int = 0
    refused: int = 0
    named: int = 0
    accepted: list[str] = field(default_factory=list)  # Though they differ
    free: list[str] = field(default_factory=list)  # Accepted, where many answers are right
    unnamed: list[str] = field(default_factory=list)
    least: int = 10**6  # Mutants of an exercise
    rejected: list[str] = field(default_factory=list)  # Equivalent forms


def examine(lesson: str) -> Figures:
    """Judge the mutants and the equivalent forms of a lesson's solutions."""
    figures = Figures()
    for worked in worked_solutions(lesson):
        several = mutants(worked)
        figures.least = min(figures.least, len(several))
        right = worked.answers()
        fresh = worked.exercise.redrawn(1)
        for mutant in several:
            figures.mutants += 1
            _judge(worked.exercise, mutant, right, figures)
            _judge(fresh, mutant, right, figures)
        for form in equivalent_forms(worked):
            for exercise in (worked.exercise, fresh):
                result = exercise.judge(*form.answers)
                if not result:
                    figures.rejected.append(f"{worked.exercise.id} {form.text}: {result!r}")
    return figures


def _judge(exercise: Any, mutant: Mutant, right: list, figures: Figures) -> None:
    """Judge each answer of a mutant, on the lesson's inputs or on a marker's."""
    result = exercise.judge(*mutant.answers)
    judges = exercise.judges.values()
    for answer, solution, judge, part in zip(
        mutant.answers, right, judges, result.parts, strict=True
    ):
        where = f"{exercise.id} {part.name} {part.message!r}: {mutant.text}"
        if part.verdict == "right":
            different = differs(answer, solution, judge)
            figures.accepted += [where] * bool(different)
            figures.free += [where] * (different is None)
        elif part.verdict == "wrong":
            figures.refused += 1
            figures.named += part.mistake not in GENERAL
            if part.mistake in GENERAL:
                figures.unnamed.append(where)


def main(shown: list[str]) -> None:
    total = Counter()
    for lesson in LESSONS:
        figures = examine(lesson)
        counts = {key: getattr(figures, key) for key in ("mutants", "refused", "named")}
        total.update(counts)
        share = figures.named / max(1, figures.refused)
        print(
            f"{lesson}: {figures.mutants} mutants (at least {figures.least} of an exercise), "
            f"{figures.refused} answers refused, {share:.0%} named, "
            f"{len(figures.accepted)} wrongly accepted, "
            f"{len(figures.rejected)} equivalent forms rejected"
        )
        if lesson in shown:
            for kind in ("accepted", "rejected", "free", "unnamed"):
                for line in getattr(figures, kind):
                    print(f"  {kind}: {line}")
    print(f"all: {total['mutants']} mutants, {total['named'] / total['refused']:.0%} named")


if __name__ == "__main__":
    main(sys.argv[1:])
