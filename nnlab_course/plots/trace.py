"""The graph that autograd recorded, copied into a networkx graph"""

# A plain module, edited here.

import re
from collections import Counter
from collections.abc import Mapping

import networkx as nx
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

__all__ = ["operation_of", "trace"]


def _sources(node) -> list:  # One entry for each use; inputs that need no gradient have no node
    """List the autograd nodes of an operation's inputs."""
    return [source for source, _ in node.next_functions if source is not None]


def _walk(root) -> list:  # Each node once, `root` first
    """List the autograd nodes that `root` reaches, without recursion: graphs run deep."""
    nodes, seen = [root], {root}
    for node in nodes:  # grows on the way
        new = [source for source in dict.fromkeys(_sources(node)) if source not in seen]
        seen.update(new)
        nodes += new
    return nodes


def _owners(names: Mapping[str, Tensor], nodes: list) -> dict:  # Autograd node -> name
    """Find the node of every named tensor, and refuse what isn't among `nodes`."""
    owners, reached = {}, set(nodes)
    for name, tensor in names.items():
        if not isinstance(tensor, Tensor):
            raise TypeError(f"{name!r} names a {type(tensor).__name__}; name tensors only")
        if not tensor.requires_grad:
            raise ValueError(
                f"{name!r} isn't in the graph: it doesn't require grad. Leave it out, or create "
                "it with requires_grad=True before computing the output"
            )
        node = get_gradient_edge(tensor).node
        if node not in reached:
            raise ValueError(
                f"{name!r} isn't in the graph: output wasn't computed from it, or only through "
                "detach() or no_grad(). Leave it out, or check the computation"
            )
        if node in owners:
            raise ValueError(f"{owners[node]!r} and {name!r} name one node; keep one name")
        owners[node] = name
    return owners


def operation_of(node) -> str:
    """Name an autograd node after its operation: `"Mul"` for `MulBackward0`."""
    return re.sub(r"Backward\d*$", "", node.name().rpartition("::")[2])


def _describe(node, tensor: Tensor | None) -> dict:  # The attributes of a traced node
    """Copy what is known about an autograd node and the tensor it made."""
    op = operation_of(node)
    is_leaf = op == "AccumulateGrad"
    if is_leaf:
        op, tensor = "leaf", node.variable
    facts = {"op": op, "is_leaf": is_leaf, "shape": None, "value": None, "grad": None}
    if tensor is not None:
        facts |= {"shape": tuple(tensor.shape), "value": tensor.detach().clone()}
        # Reading the .grad of any other tensor warns.
        if (tensor.is_leaf or tensor.retains_grad) and tensor.grad is not None:
            facts["grad"] = tensor.grad.detach().clone()
    return facts


def trace(
    output: Tensor,  # The result to start from, any shape, with a grad_fn
    names: Mapping[str, Tensor] | None = None,  # What to call the tensors of the graph
) -> nx.DiGraph:  # Edges run forward, from an operation's inputs to its result
    """Copy the graph that autograd recorded for `output` into a networkx graph.

    A node is one operation or leaf. Its key is the name given, or else the operation and a
    number, as in `"Mul 1"`. Its attributes are `name` (None if not given), `op`, `is_leaf`, and
    copies of the tensor's `shape`, `value` and `grad`, None where unknown: an operation's result is
    known only if it is named or the output, its gradient only after `retain_grad()` and
    `backward()`. An edge's `count` tells how often the operation uses that input.

    **Raises:** `ValueError` if `output` has no `grad_fn`, if a named tensor isn't in its graph, or
    if two names belong to one node; `TypeError` if a name is given to anything but a tensor.
    """
    if output.grad_fn is None:
        raise ValueError(
            "output has no grad_fn: no recorded operation made it. Give the result of a "
            "computation on tensors that require grad, computed outside torch.no_grad()"
        )
    names = names or {}
    nodes = _walk(output.grad_fn)  # held here, so that none is freed and met again as another
    owners = _owners(names, nodes)
    graph, keys, number = nx.DiGraph(), {}, 0
    for node in nodes:
        name = owners.get(node)
        facts = _describe(node, output if node is nodes[0] else names.get(name))
        key = name
        while key is None or (name is None and key in names):
            number += 1
            key = f"{facts['op']} {number}"
        keys[node] = key
        graph.add_node(key, name=name, **facts)
    for node in nodes:
        for source, count in Counter(_sources(node)).items():
            graph.add_edge(keys[source], keys[node], count=count)
    return graph
