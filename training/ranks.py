"""Several processes that train as one, started by torchrun: each takes its part of every batch.

Every rank draws the random numbers of the whole batch and keeps those of its part, and averages its gradients with the
others' (training/shares.py). The first rank alone writes. Without torchrun there is one rank, and everything here hands
back what it gets.

The number of ranks that a run was begun with is the number of shares its batches are computed in for good. Fewer ranks
take several shares each, one after another, and come to the same bits: training multiplies what floats round, and they
round otherwise where they are added in another order (benchmarks/two_ranks.py).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")
Rows = TypeVar("Rows", Tensor, np.ndarray)
CPU = torch.device("cpu")
_begun_with: ContextVar[int] = ContextVar("begun_with", default=1)


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


@contextmanager
def in_shares(count: int) -> Iterator[None]:
    """Within, batches are computed as `count` ranks would compute them, if this number of ranks divides that."""
    token = _begun_with.set(count)
    try:
        yield
    finally:
        _begun_with.reset(token)


def shares() -> int:
    """How many shares a batch is computed in: a multiple of `size`."""
    return size() if _begun_with.get() % size() else _begun_with.get()


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


def gathered(part: Tensor, dim: int = 0) -> Tensor:
    """The whole batch of which `part` is this rank's, along `dim`. No gradient goes through it."""
    part = part.detach()
    if shares() == 1:
        return part
    part = part.contiguous()  # on one rank too: the layout decides in which order a sum goes
    if size() == 1:
        return part
    parts = [torch.empty_like(part) for _ in range(size())]
    dist.all_gather(parts, part)
    return torch.cat(parts, dim)


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
