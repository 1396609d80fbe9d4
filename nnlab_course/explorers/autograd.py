"""Forward through the values, back through the gradients, each predicted before it is shown"""

# A plain module, edited here.

import ast
import asyncio
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import networkx as nx
import torch
from matplotlib.figure import Figure
from torch import Tensor

from nnlab_course.explorers.base import Explorer
from nnlab_course.explorers.slips import list_slips
from nnlab_course.plots.graph import lay_out_boxes, matrix_rows, plot_graph
from nnlab_course.plots.trace import trace

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = [
    "GraphStepper",
    "agrees",
    "hint",
    "list_steps",
    "on_enter",
    "read_prediction",
    "trace_all",
]


def _gradients(output: Tensor, tensors: list[Tensor]) -> tuple[Tensor, ...]:
    """Differentiate `output`; leave every `.grad`, and the graph, as they are."""
    kept = {tensor: tensor.grad for tensor in tensors if tensor.is_leaf or tensor.retains_grad}
    try:
        for tensor in kept:
            tensor.grad = None
        return torch.autograd.grad(output, tensors, retain_graph=True)
    except RuntimeError as error:
        reason = str(error).partition(". ")[0].removesuffix(".")
        raise ValueError(
            f"torch can't go back through this graph: {reason}. Compute the output anew, and step "
            "through it before you call backward()"
        ) from error
    finally:
        for tensor, grad in kept.items():
            tensor.grad = grad


def _check_graph(graph: nx.DiGraph, output: Tensor, names: Mapping[str, Tensor]) -> None:
    """Refuse a graph that can't be stepped through, for what can be known before going back."""
    if unnamed := [node for node, name in graph.nodes(data="name") if name is None]:
        raise ValueError(
            f"{', '.join(unnamed)}: no name is given. Each step asks for a number, so put every "
            "leaf and every result into a variable of its own, and name it in names"
        )
    if output.numel() != 1:
        raise ValueError(
            f"output has shape {tuple(output.shape)}; step through a graph that ends in a single "
            "number, for instance with .sum()"
        )
    for name, tensor in names.items():
        if any(number for _, number in getattr(tensor.grad_fn, "next_functions", ())):
            raise ValueError(
                f"{name!r} uses one of several results of an operation; step through a graph in "
                "which every operation has a single result"
            )


def _check_numbers(node: str, tensor: Tensor) -> None:
    """Refuse what nobody could predict, or no box could show."""
    if tensor.ndim > 2 or not tensor.numel() or max(tensor.shape, default=1) > 4:
        raise ValueError(
            f"{node!r} has shape {tuple(tensor.shape)}; a step asks for a number, or a matrix of "
            "at most 4 by 4: take a smaller example"
        )
    if tensor.is_complex() or not tensor.isfinite().all():
        raise ValueError(
            f"a value or a gradient of {node!r} isn't a finite real number; take an example in "
            "which all are"
        )


def trace_all(
    output: Tensor,  # A single number, with a grad_fn
    names: Mapping[str, Tensor],  # What to call the tensors of the graph: every one of them
) -> nx.DiGraph:  # As `trace` returns it
    """Trace a graph, and find the gradient of `output` at every node; no `.grad` is changed.

    Each node's `others` tells how many of its operation's inputs are no part of the graph. Hooks
    that were registered on the tensors are called, as `backward` would.

    **Raises:** what `trace` raises, and `ValueError` if a tensor has no name, `output` isn't a
    single number, a tensor is larger than 4 by 4, a number isn't finite and real, an operation has
    several results, or the graph was freed by `backward()`.
    """
    graph = trace(output, names)
    _check_graph(graph, output, names)
    gradients = _gradients(output, list(names.values()))
    for (name, tensor), grad in zip(names.items(), gradients, strict=True):
        sources = getattr(tensor.grad_fn, "next_functions", ())
        others = sum(source is None for source, _ in sources)
        graph.nodes[name].update(grad=grad.detach().clone(), others=others)
        for numbers in (tensor, grad):
            _check_numbers(name, numbers)
    return graph


def list_steps(
    graph: nx.DiGraph,  # As `trace_all` returns it
    names: Mapping[str, Tensor],  # Whose order decides where the graph doesn't
) -> list[tuple[str, str]]:  # A node, and "value" or "grad"
    """List what is found out, one by one, on the way forward and on the way back."""
    place = {name: number for number, name in enumerate(names)}
    order = list(nx.lexicographical_topological_sort(graph, key=place.get))
    forward = [(node, "value") for node in order if not graph.nodes[node]["is_leaf"]]
    return forward + [(node, "grad") for node in reversed(order)]


def read_prediction(
    text: str,  # A number, or a list of rows, as Python writes them
    shape: tuple[int, ...],  # What is expected
) -> Tensor:  # Of that shape, float64
    """Read what somebody has typed.

    **Raises:** `ValueError` if it isn't that many finite numbers.
    """
    wanted = ["a number", "a list of {} numbers", "a list of {} rows of {} numbers"][len(shape)]
    example = torch.zeros(shape).int().tolist() if shape else -1.5
    refusal = (
        f"{text.strip()[:40]!r} can't be read; type {wanted.format(*shape)}, such as {example}"
    )
    try:
        literal = ast.literal_eval(text.strip().replace("−", "-"))
        numbers = torch.tensor(literal, dtype=torch.float64)
    except (ValueError, SyntaxError, TypeError, RuntimeError, OverflowError, MemoryError):
        raise ValueError(refusal) from None
    if numbers.numel() == 1 == torch.Size(shape).numel():
        numbers = numbers.reshape(shape)
    if numbers.shape != torch.Size(shape) or not numbers.isfinite().all():
        raise ValueError(refusal)
    return numbers


def agrees(
    predicted: Tensor,  # Any shape
    actual: Tensor,  # Of the same shape
) -> bool:
    """Tell whether two tensors agree in all that `matrix_rows` shows of the second one."""
    pairs = zip(predicted.flatten().tolist(), actual.flatten().tolist(), strict=True)
    if "e" in matrix_rows(actual)[0]:
        return all(f"{one:.1e}" == f"{other:.1e}" for one, other in pairs)
    return all(abs(one - other) < 5.001e-4 for one, other in pairs)


def _list_words(words: list[str]) -> str:
    """Join words by commas and a last "and"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _numbers_words(tensor: Tensor) -> str:
    """Write a tensor in one line, its numbers as the drawing shows them."""
    rows = [", ".join(row.split()) for row in matrix_rows(tensor)]
    if tensor.ndim == 2:
        rows = [", ".join(f"[{row}]" for row in rows)]
    return f"[{rows[0]}]" if tensor.ndim else rows[0]


def hint(
    graph: nx.DiGraph,  # As `trace_all` returns it
    node: str,
    kind: str,  # "value" or "grad"
) -> str:
    """Say what a value is made from, or where a gradient comes from."""
    if kind == "value":
        uses = {source: graph.edges[source, node]["count"] for source in graph.pred[node]}
        inputs = [source if count == 1 else f"{source} (twice)" for source, count in uses.items()]
        inputs += ["a constant"] * graph.nodes[node]["others"]
        return f"{graph.nodes[node]['op']} of {_list_words(inputs)}"
    if users := [f"{user} ({graph.nodes[user]['op']})" for user in graph.succ[node]]:
        return f"handed back by {_list_words(users)}"
    return "the output with respect to itself"


def _known_words(graph: nx.DiGraph, steps: list[tuple[str, str]], number: int) -> str:
    """List the values and the gradients that are known after so many steps."""
    sentences = []
    for kind, label in (("value", "Values"), ("grad", "Gradients")):
        nodes = [node for node, step in reversed(steps) if step == "grad"]
        nodes = [node for node in nodes if (node, kind) not in steps[number:]]
        known = [f"{node} = {_numbers_words(graph.nodes[node][kind])}" for node in nodes]
        sentences += [f"{label}: {', '.join(known)}."] if known else []
    return " ".join(sentences)


def on_enter(
    field: "Widget",  # An ipywidgets.Text made with continuous_update=False
    act: Callable[[], None],  # What to do
) -> None:
    """Have something done when Enter is pressed in a field, with its text as it was then."""
    timer = None

    def finish(change=None):
        nonlocal timer
        if timer is not None:
            timer.cancel()
            timer = None
            act()

    def pressed(widget, content, buffers):
        nonlocal timer
        if content.get("event") == "submit" and timer is None:
            timer = asyncio.get_running_loop().call_later(0.1, finish)

    field.on_msg(pressed)
    field.observe(finish, "value")


class GraphStepper(Explorer):
    """A computation graph whose values and then gradients are asked for one by one.

    The numbers are copied when it is made; no tensor is changed, and no graph freed. Hooks of the
    tensors' operations are called, as `backward` would.

    **Raises:** what `trace_all` raises, and `ValueError` if there is no such `step`, or the graph
    has more than 100 nodes.
    """

    name = "autograd"
    title = "A computation graph, with question marks for the numbers that aren't revealed yet"

    def __init__(
        self,
        output: Tensor,  # A single number, with a grad_fn
        names: Mapping[str, Tensor],  # What to call the tensors of the graph: every one of them
        *,
        step: int = 0,  # How many steps are revealed at first
    ):
        self.graph = trace_all(output, names)
        self.steps = list_steps(self.graph, names)
        self._check(step)
        super().__init__(step=step)
        ax = plot_graph(self.graph, ax=Figure().add_axes((0, 0, 1, 1)))
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()  # inches for 8-point text
        width, height = float(right - left), float(top - bottom)
        self.figsize = (max(6.5, 1.3 * width), 1.3 * height + 0.6)
        self.slips = [list_slips(self.graph, names, *step) for step in self.steps]

    def set(self, **changes) -> None:
        """Go to a step, without a prediction."""
        if "step" in changes:
            self._check(changes["step"])
        super().set(**changes)

    def quantity(self, number: int) -> str:
        """Name what a step asks for."""
        node, kind = self.steps[number]
        return f"the value of {node}" if kind == "value" else f"the gradient at {node}"

    def question(self) -> str:
        """Ask for the next step, in two lines."""
        number, last = self.state["step"], len(self.steps)
        if number == last:
            return f"All {last} steps are revealed"
        way = "forward" if self.steps[number][1] == "value" else "backward"
        asked = f"Step {number + 1} of {last}, {way}: what is {self.quantity(number)}?"
        clue = hint(self.graph, *self.steps[number])
        return f"{asked}\n{clue[0].upper()}{clue[1:]}"

    def draw(self, figure: Figure) -> None:
        """Draw the graph, with question marks for what isn't revealed."""
        hidden = {}
        for node, kind in self.steps[self.state["step"] :]:
            hidden.setdefault(node, []).append(kind)
        ax = figure.add_axes((0, 0, 1, 1 - 0.6 / figure.get_figheight()))
        plot_graph(self.graph, hidden=hidden, highlight=next(iter(hidden), None), ax=ax)
        middle = 1 - 0.3 / figure.get_figheight()
        figure.text(0.5, middle, self.question(), ha="center", va="center", fontsize=11)

    def describe(self) -> str:
        """Say the next question, and what is known."""
        question = self.question().replace("\n", " ") + "."
        return f"{question} {_known_words(self.graph, self.steps, self.state['step'])}"

    def data(self) -> dict[str, Any]:
        """Give the boxes, the arrows, the numbers, the steps with their hints, and the slips."""
        boxes, points = lay_out_boxes(self.graph)
        facts = self.graph.nodes
        return {
            **super().data(),
            "nodes": {
                node: {
                    **{
                        "box": _rounded(boxes[node]),
                        "op": facts[node]["op"],
                        "leaf": facts[node]["is_leaf"],
                    },
                    **{kind: _as_text(facts[node][kind]) for kind in ("value", "grad")},
                }
                for node in self.graph
            },
            "edges": [
                [[_rounded(point) for point in points[start, end]], count]
                for start, end, count in self.graph.edges(data="count", default=1)
            ],
            "steps": [
                {
                    **{"node": node, "kind": kind, "hint": hint(self.graph, node, kind)},
                    "slips": [[words, _as_text(number)] for words, number in slips],
                }
                for (node, kind), slips in zip(self.steps, self.slips, strict=True)
            ],
        }

    def _check(self, step: int) -> None:
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= len(self.steps):
            raise ValueError(f"step is {step!r}; give a whole number from 0 to {len(self.steps)}")


def _rounded(inches: tuple[float, ...]) -> list[float]:
    return [round(number, 3) for number in inches]


def _as_text(tensor: Tensor) -> str:
    """Write a tensor as JSON: a notebook would store each entry of a list on a line of its own."""
    return json.dumps(tensor.detach().tolist())
