"""Wrong gradients and values that somebody finds by a known slip, and what to say of each"""

# A plain module, edited here.

from collections.abc import Iterator, Mapping

import networkx as nx
import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

__all__ = ["list_slips"]


def list_slips(
    graph: nx.DiGraph,  # As `trace_all` returns it
    names: Mapping[str, Tensor],  # Its tensors
    node: str,
    kind: str,  # "value" or "grad"
) -> list[tuple[str, Tensor]]:  # What to say, and the wrong number
    """List what somebody may answer, and why, the likeliest reason first.

    No slip gives the right number, and none the number of an earlier one.
    """
    right = graph.nodes[node][kind].double()
    found = _of_a_value(graph, node) if kind == "value" else _of_a_gradient(graph, names, node)
    slips, numbers = [], [right]
    for words, number in found:
        number = number.detach().double()
        if number.shape == right.shape and not any(torch.allclose(number, n) for n in numbers):
            slips.append((words, number))
            numbers.append(number)
    return slips


def _of_a_value(graph: nx.DiGraph, node: str) -> Iterator[tuple[str, Tensor]]:
    facts = graph.nodes[node]
    inputs = [graph.nodes[source]["value"] for source in graph.pred[node]]
    if len(inputs) == 2 and not facts["others"] and inputs[0].shape == inputs[1].shape:
        operations = {"Add": inputs[0] + inputs[1], "Mul": inputs[0] * inputs[1]}
        operations["Sub"] = inputs[0] - inputs[1]
        done = {"Add": "added", "Mul": "multiplied", "Sub": "subtracted"}
        for op, number in operations.items():
            if facts["op"] in operations and op != facts["op"]:
                yield f"you {done[op]}; this is {facts['op']}", number
    yield "only the sign is wrong", -facts["value"]
    yield from _transposed(facts["value"])


def _of_a_gradient(
    graph: nx.DiGraph, names: Mapping[str, Tensor], node: str
) -> Iterator[tuple[str, Tensor]]:
    facts = graph.nodes[node]
    paths = [(user, part) for user in graph.succ[node] for part in _parts(graph, names, node, user)]
    yield from _some_paths(facts["grad"], paths)
    yield "only the sign is wrong", -facts["grad"]
    yield from _transposed(facts["grad"])
    for user, _ in paths:
        above = graph.nodes[user]["grad"]
        yield f"that is the gradient at {user}; multiply it by the slope of {user} here", above
        local = sum(_parts(graph, names, node, user, torch.ones_like(above)))
        yield f"that is only the slope of {user} here; multiply it by the gradient at {user}", local
    yield f"that is the value of {node}, not the gradient", facts["value"]
    if paths:
        yield "that would be so at the output alone", torch.ones_like(facts["grad"])


def _some_paths(whole: Tensor, paths: list[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    if len(paths) < 2:
        return
    count = {2: "two"}.get(len(paths), str(len(paths)))
    users = [user for user, _ in paths]
    for number, (user, part) in enumerate(paths):
        others = [other for n, other in enumerate(users) if n != number]
        rest = " and ".join(f"the one through {other}" for other in others)
        if len(set(users)) == 1:
            yield f"that is only one of {count} uses in {user}; add them all", part
        else:
            yield f"that is only one of {count} paths, through {user}; add {rest}", part
    if len(paths) > 2:
        for user, part in paths:
            yield f"the path through {user} is missing", whole - part


def _parts(
    graph: nx.DiGraph,
    names: Mapping[str, Tensor],
    node: str,
    user: str,
    above: Tensor | None = None,  # The gradient at `user`, unless another one is given
) -> list[Tensor]:  # One for each use
    """Find what `user` hands back to `node`."""
    function, wanted = names[user].grad_fn, get_gradient_edge(names[node]).node
    above = graph.nodes[user]["grad"] if above is None else above
    with torch.no_grad():
        handed = function(above.to(names[user].dtype))
    handed = handed if isinstance(handed, tuple) else (handed,)
    sources = [source for source, _ in function.next_functions]
    return [part for source, part in zip(sources, handed, strict=True) if source is wanted]


def _transposed(right: Tensor) -> Iterator[tuple[str, Tensor]]:
    if right.ndim == 2:
        yield "rows and columns are swapped", right.T
