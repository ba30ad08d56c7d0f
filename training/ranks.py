"""Several processes that train as one, started by torchrun: each takes its share of every batch.

Every rank draws the random numbers of the whole batch and keeps those of its share, averages its gradients with the
others' (by hand: DistributedDataParallel forbids the double backward of gradient penalties) and so follows the single
process, as far as sums in another order do (benchmarks/two_ranks.py). The first rank alone writes. Without torchrun
there is one rank, and everything here hands back what it gets.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")
Rows = TypeVar("Rows", Tensor, np.ndarray)
CPU = torch.device("cpu")


@contextmanager
def joined() -> Iterator[None]:
    """Meets the processes that torchrun started, over gloo, and nccl between GPUs; parts from them at the end."""
    if not dist.is_available() or not {"RANK", "WORLD_SIZE"} <= os.environ.keys():
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def size() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    return dist.get_rank() if size() > 1 else 0


def device(chosen: torch.device) -> torch.device:
    """The GPU of this rank on its machine, where `chosen` is a GPU without a number."""
    if size() == 1 or chosen.type != "cuda" or chosen.index is not None:
        return chosen
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own


def share(rows: Rows) -> Rows:
    """This rank's rows of a whole batch [B, ...]: [B / ranks, ...]."""
    count = len(rows) // size()
    return rows[rank() * count : (rank() + 1) * count]


def normal(rows: int, columns: int, device: torch.device) -> Tensor:
    """Standard normal [rows, columns] for this rank's share of a batch of `rows` a rank."""
    return share(torch.randn(rows * size(), columns, device=device))


def gathered(share_of: Tensor, dim: int = 0) -> Tensor:
    """The whole batch of which `share_of` is this rank's share, along `dim`. No gradient goes through it."""
    if size() == 1:
        return share_of.detach()
    shares = [torch.empty_like(share_of) for _ in range(size())]
    dist.all_gather(shares, share_of.detach().contiguous())
    return torch.cat(shares, dim)


def average_gradients(network: nn.Module) -> None:
    """Replaces every gradient by its mean over the ranks: one message for the whole network."""
    if size() == 1:
        return
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    dist.all_reduce(flat)
    flat /= size()
    for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def averages(numbers: dict[str, Tensor]) -> dict[str, float]:
    """Scalars by name, as their means over the ranks."""
    values = torch.stack([number.detach().to(CPU, torch.float64) for number in numbers.values()])
    if size() > 1:
        dist.all_reduce(values)
        values /= size()
    return dict(zip(numbers, values.tolist(), strict=True))


def from_first(make: Callable[[], T]) -> T:
    """What the first rank makes, on every rank; the others do not call `make`, and wait."""
    if size() == 1:
        return make()
    box = [make() if rank() == 0 else None]
    dist.broadcast_object_list(box, device=CPU)
    made: T = box[0]  # type: ignore[assignment]
    return made


def wait_for_all() -> None:
    """Returns when every rank has come here."""
    if size() > 1:
        from_first(lambda: None)
