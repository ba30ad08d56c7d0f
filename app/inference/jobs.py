"""What travels through the batcher: requests, their pieces, and batches of pieces."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.fair_queue import Piece

Images = NDArray[np.uint8]


@dataclass(eq=False)
class Request:
    """taken: images handed to batches; begun: to forward passes; computed: that came back. gone: nobody wants it."""

    z: NDArray[np.float32]
    label: NDArray[np.int64]
    deadline: float
    client: str
    future: "asyncio.Future[Images]"
    arrived: float
    taken: int = 0
    begun: int = 0
    computed: int = 0
    gone: bool = False
    images: Images | None = None

    @property
    def n(self) -> int:
        return len(self.z)

    def wanted(self, now: float) -> bool:
        return not self.gone and now < self.deadline

    def keep(self, piece: "Piece[Request]", part: Images) -> Images | None:
        """Store a piece's images. Returns all of them when that was the last."""
        self.computed += piece.count
        if piece.count == self.n:
            return part
        if self.images is None:
            self.images = np.empty((self.n, *part.shape[1:]), np.uint8)
        self.images[piece.start : piece.start + piece.count] = part
        return self.images if self.computed == self.n else None


@dataclass(eq=False)
class Batch:
    """z float32 [size, z_dim] and label int64 [size] of its pieces, one after the other."""

    pieces: "list[Piece[Request]]"
    z: NDArray[np.float32]
    label: NDArray[np.int64]
    started: float = 0.0

    @property
    def size(self) -> int:
        return len(self.z)

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

    def parts(self, images: Images) -> "Iterator[tuple[Piece[Request], Images]]":
        """Each piece with its images."""
        start = 0
        for piece in self.pieces:
            yield piece, images[start : start + piece.count]
            start += piece.count


def assemble(pieces: "list[Piece[Request]]") -> Batch | None:
    """A batch of these pieces; None if there are none."""
    if not pieces:
        return None
    spans = [(piece.request, slice(piece.start, piece.start + piece.count)) for piece in pieces]
    z = np.concatenate([request.z[span] for request, span in spans])
    return Batch(pieces, z, np.concatenate([request.label[span] for request, span in spans]))
