"""Several processes train together: who is first, who takes which images, what all must know"""

# A plain module, edited here.

from torch import Tensor, distributed


def is_distributed() -> bool:
    """Tell whether this process belongs to a group."""
    return distributed.is_available() and distributed.is_initialized()


def num_processes() -> int:
    """Count the processes that train together."""
    return distributed.get_world_size() if is_distributed() else 1


def rank() -> int:
    """Return this process's number, from 0."""
    return distributed.get_rank() if is_distributed() else 0


def take_share(
    indices: Tensor,  # Of one batch's images
    rank: int,
    num_processes: int,
) -> tuple[Tensor, float]:  # Of this process's images, at least one; what their mean counts for
    """Choose this process's part of a batch.

    `DistributedDataParallel` averages the gradients of the processes. The mean over the whole batch
    comes out right if each multiplies its own mean by its share of the batch times their number.
    """
    if num_processes == 1:
        return indices, 1.0
    mine = indices[rank::num_processes]
    if len(mine) == 0:  # a layer must be given something; it counts for nothing
        return indices[:1], 0.0
    return mine, len(mine) * num_processes / len(indices)


def from_first(value: object) -> object:
    """Return what the first process has, in all of them."""
    if not is_distributed():
        return value
    box = [value]
    distributed.broadcast_object_list(box)
    return box[0]
