"""What travels through the batcher: requests, their pieces, and batches of pieces."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.inference.fair_queue import Piece

Images = NDArray[np.uint8]
Computed = NDArray[Any]
Forward = Callable[..., Computed]


@dataclass
class Spent:
    """Seconds. infer: during which a forward pass had something of a request; queue: the rest until all was there."""

    queue: float = 0.0
    infer: float = 0.0


@dataclass(eq=False)
class Request:
    """inputs: arrays [n, ...] of which `forward`, given those of several requests, computes one array [n, ...].

    taken: images handed to batches; begun: to forward passes; computed: that came back. gone: nobody wants it.
    infer: seconds, as in Spent, up to the moment `passed`.
    """

    forward: Forward
    inputs: tuple[NDArray[Any], ...]
    deadline: float
    client: str
    future: "asyncio.Future[Any]"
    arrived: float
    taken: int = 0
    begun: int = 0
    computed: int = 0
    infer: float = 0.0
    passed: float = 0.0
    gone: bool = False
    results: Computed | None = None

    @property
    def n(self) -> int:
        return len(self.inputs[0])

    def wanted(self, now: float) -> bool:
        return not self.gone and now < self.deadline

    def note_pass(self, started: float, seconds: float) -> None:
        """A forward pass over some of its images; of several at the same time each moment counts once."""
        end = started + seconds
        self.infer += max(0.0, end - max(started, self.passed))
        self.passed = max(self.passed, end)

    def keep(self, piece: "Piece[Request]", part: Computed) -> Computed | None:
        """Store a piece's results. Returns all of them when that was the last."""
        self.computed += piece.count
        if piece.count == self.n:
            return part
        if self.results is None:
            self.results = np.empty((self.n, *part.shape[1:]), part.dtype)
        self.results[piece.start : piece.start + piece.count] = part
        return self.results if self.computed == self.n else None


@dataclass(eq=False)
class Batch:
    """Pieces of requests for one `forward`; inputs: theirs, one after the other.

    busy: seconds that it kept the engine, from when the engine was free and the batch there.
    """

    pieces: "list[Piece[Request]]"
    forward: Forward
    inputs: tuple[NDArray[Any], ...]
    started: float = 0.0
    busy: float = 0.0

    @property
    def size(self) -> int:
        return len(self.inputs[0])

    def begin(self, now: float) -> None:
        self.started = now
        for piece in self.pieces:
            piece.request.begun += piece.count

    def holds(self, request: Request) -> bool:
        return any(piece.request is request for piece in self.pieces)

    def wanted(self, now: float) -> "Batch | None":
        """This batch without what nobody wants any more; None if nothing is left."""
        wanted = [piece for piece in self.pieces if piece.request.wanted(now)]
        return self if len(wanted) == len(self.pieces) else assemble(wanted)

    def split(self) -> "list[Batch]":
        """One batch a piece."""
        alone = [batch for piece in self.pieces if (batch := assemble([piece])) is not None]
        for batch in alone:
            batch.started = self.started
        return alone

    def parts(self, results: Computed) -> "Iterator[tuple[Piece[Request], Computed]]":
        """Each piece with its results."""
        start = 0
        for piece in self.pieces:
            yield piece, results[start : start + piece.count]
            start += piece.count


def assemble(pieces: "list[Piece[Request]]") -> Batch | None:
    """A batch of these pieces, all of one `forward`; None if there are none."""
    if not pieces:
        return None
    parts = [[array[p.start : p.start + p.count] for array in p.request.inputs] for p in pieces]
    inputs = tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Batch(pieces, pieces[0].request.forward, inputs)
