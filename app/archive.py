"""Many images as one ZIP, computed while it is read.

An archive is cut into pieces of at most a batch. A few of them are under way ahead of the reader and no more: a slow
reader slows the making, and memory does not grow with the archive. Of one client, however many archives it reads, at
most _TURNS pieces are with the engine: to the fair queue it is a client that always has a little work.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from app import labels, rendering
from app.ahead import in_order
from app.errors import InvalidField, Overloaded, QueueFull, QuotaExceeded
from app.imagefolder import METADATA, ImageFolder
from app.inference.latents import labels_for
from app.order import Order
from app.pipeline import Made, Pipeline
from app.rendering import Form, Layout
from app.telemetry import Telemetry
from app.zipping import ZipStream

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

OPEN, OPEN_OF_CLIENT = 32, 4
_RETRY_S = 10.0
_AHEAD = 4  # pieces under way: one is written, one encoded, one computed, one waits
_TURNS = 2
_PIECE_BYTES = 4 * 1_048_576  # of pixels
_PATIENCE_S = 3600.0  # of a piece; as long as the engine moves, a fair queue comes to it far sooner
_LONGEST_WAIT_S = 1.0  # before a full queue is tried again


@dataclass(frozen=True, slots=True)
class ArchiveOrder:
    """What to make. seeds: one an image.

    labels: dealt to the images in turn, again from the first after the last; empty: each seed draws its own, unless
    `balanced`: every class in turn. label_fields: what the caller called each label. by_class: one folder a class.
    deadline: time.monotonic() by which the first piece must be computed. client: whose share of the engine this takes.
    """

    model: str
    seeds: NDArray[np.uint32]
    labels: Sequence[int | str]
    label_fields: Sequence[str]
    balanced: bool
    by_class: bool
    truncation_psi: float
    scale: int
    deadline: float
    client: str

    @property
    def layout(self) -> Layout:
        return Layout(None, 0, (255, 255, 255), self.scale)


@dataclass(frozen=True, slots=True)
class _Work:
    """An order bound to a model. classes: int64, one an image; size: images in a piece; turns: of this client."""

    served: "ServedModel"
    order: ArchiveOrder
    classes: NDArray[np.int64]
    size: int
    turns: asyncio.Semaphore

    def piece(self, start: int, deadline: float) -> tuple[Order, NDArray[np.int64]]:
        """The images from `start` on, as an order, and their classes."""
        end = start + self.size
        return _part(self.order, start, end, deadline), self.classes[start:end]


class Archives:
    """For one event loop. max_batch_size: images in a forward pass."""

    def __init__(self, pipeline: Pipeline, telemetry: Telemetry, max_batch_size: int) -> None:
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._max_batch_size = max_batch_size
        self._open: Counter[str] = Counter()
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        # Not the pipeline's: small answers shall not wait behind the files of an archive.
        self._encoders = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="archive")

    async def write(self, order: ArchiveOrder) -> AsyncGenerator[bytes, None]:
        """The archive in parts, each made when those before it were taken.

        Raises before the first part what Pipeline.generate raises; afterwards EngineFailed, Draining, DeviceLost.
        Closing it drops what has not been computed.
        """
        self._pipeline.require_ready()
        served = self._pipeline.find(order.model)
        size = self._piece_size(served, order)
        classes = await asyncio.to_thread(_classes, order, served.manifest.classes)
        folder = ImageFolder(order.seeds, classes, served.manifest.classes, by_class=order.by_class)
        archive = ZipStream(lambda i: folder.name(i - 1) if i else METADATA)
        with self._place(order.client) as turns:
            work = _Work(served, order, classes, size, turns)
            files = await self._first(work)
            yield archive.head(*await asyncio.to_thread(folder.measure))
            for lines in folder.metadata():
                yield lines
            yield b"".join(map(archive.file, files))
            rest = (partial(self._files, work, start) for start in range(size, len(order.seeds), size))
            async with aclosing(in_order(rest, _AHEAD)) as following:
                async for files in following:
                    yield b"".join(map(archive.file, files))
        for part in archive.directory():
            yield part

    def close(self) -> None:
        self._encoders.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def _place(self, client: str) -> Iterator[asyncio.Semaphore]:
        """One of the archives that may be read at once, and what its client's archives take turns by."""
        if self._open[client] >= OPEN_OF_CLIENT:
            raise QuotaExceeded(f"{OPEN_OF_CLIENT} archives of yours are being read; no more at once", _RETRY_S)
        if self._open.total() >= OPEN:
            raise QueueFull(f"{OPEN} archives are being read; no more at once", _RETRY_S)
        self._open[client] += 1
        try:
            yield self._turns.setdefault(client, asyncio.Semaphore(_TURNS))
        finally:
            self._open[client] -= 1
            self._open += Counter()  # forgets whoever has none

    def _piece_size(self, served: "ServedModel", order: ArchiveOrder) -> int:
        """Images. Raises InvalidField when one alone has too many pixels."""
        pixels = self._pipeline.examine(_part(order, 0, 1, order.deadline))
        return max(1, min(self._max_batch_size, _PIECE_BYTES // (pixels * served.manifest.image.channels)))

    async def _first(self, work: _Work) -> list[bytes]:
        """Admitted like any request: what could not even begin in time is refused at once."""
        piece, classes = work.piece(0, work.order.deadline)
        with self._pipeline.admit(work.served, piece) as place:
            async with work.turns:
                made = await self._pipeline.compute(work.served, piece, classes, place)
        return await self._encode(made, work.order)

    async def _files(self, work: _Work, start: int) -> list[bytes]:
        async with work.turns:
            made = await self._compute(work, start)
        return await self._encode(made, work.order)

    async def _compute(self, work: _Work, start: int) -> Made:
        """A queue that is full now is tried again: others' overload slows an archive and does not end it."""
        while True:
            piece, classes = work.piece(start, time.monotonic() + _PATIENCE_S)
            try:
                return await self._pipeline.compute(work.served, piece, classes)
            except Overloaded as full:
                await asyncio.sleep(min(full.retry_after, _LONGEST_WAIT_S))

    async def _encode(self, made: Made, order: ArchiveOrder) -> list[bytes]:
        def encode() -> list[bytes]:
            return list(rendering.files(made.images, made.recipe, order.layout, "png"))

        began = time.perf_counter()
        files = await asyncio.get_running_loop().run_in_executor(self._encoders, encode)
        self._telemetry.generated(f"{made.recipe.model}@{made.recipe.version}", len(files))
        self._telemetry.encoded("archive", time.perf_counter() - began)
        return files


def _part(order: ArchiveOrder, start: int, end: int, deadline: float) -> Order:
    """Its images from `start` to `end`, without labels."""
    seeds, psi = order.seeds[start:end], order.truncation_psi
    return Order(order.model, seeds, (), (), psi, order.layout, Form.ZIP, deadline, order.client)


def _classes(order: ArchiveOrder, names: Sequence[str]) -> NDArray[np.int64]:
    """One an image. Raises InvalidFields, InvalidField."""
    n = len(order.seeds)
    if order.balanced:
        if not names:
            raise InvalidField("this model has no classes", "balanced")
        return np.arange(n) % len(names)
    if order.labels:
        return np.resize(labels.resolve(order.labels, names, order.label_fields), n)
    return labels_for(order.seeds, len(names))
