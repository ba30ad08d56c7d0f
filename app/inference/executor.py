"""Runs a batch of any size on a device, and copes when the device runs out of memory or breaks.

A chunk that does not fit is cut in half and tried again, down to one image; the size that fitted is remembered, so that
the next batch does not fail first. The device is behind a small protocol: the same code is tested on injected faults.
"""

import logging
from collections.abc import Sequence
from itertools import chain
from queue import SimpleQueue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import DeviceLost, EngineFailed
from app.inference.chunks import Chunk, padded, unpadded
from app.inference.faults import Fault, Kind
from app.inference.observer import Observer

log = logging.getLogger("tessera")

Latents = NDArray[np.float32]
Labels = NDArray[np.int64]
Images = NDArray[np.uint8]
Failure = tuple[Chunk, Fault]


class Device(Protocol):
    """lanes: how many chunks it computes at a time. pads: whether a chunk may be smaller than its bucket."""

    lanes: int
    pads: bool

    def run(self, chunks: Sequence[Chunk], z: Latents, label: Labels, out: Images, *, here: bool) -> list[Failure]:
        """Compute chunks of z and label into the same rows of out. Returns those that failed, and never raises.

        here: in the calling thread, one after the other, instead of in all lanes."""

    def free_memory(self, largest: int) -> None:
        """Give back what is held for buckets above `largest` and what is cached."""


class Executor:
    """buckets: ascending batch sizes, from 1. image_shape: (H, W, C)."""

    def __init__(
        self, device: Device, buckets: tuple[int, ...], image_shape: tuple[int, int, int], observer: Observer
    ) -> None:
        self.buckets = buckets
        self._device = device
        self._image_shape = image_shape
        self._observer = observer
        self._sizes = buckets
        self._permits: SimpleQueue[None] = SimpleQueue()  # a semaphore, without a line of Python
        for _ in range(device.lanes):
            self._permits.put(None)

    def keep_to(self, buckets: tuple[int, ...]) -> None:
        """Run every chunk as a batch of one of these sizes; of a smaller one only if none of them fits into memory."""
        self.buckets = buckets

    def do_without(self, bucket: int) -> bool:
        """Only smaller batches from now on, for one of this size does not fit into memory. False: there are none."""
        smaller = tuple(size for size in self.buckets if size < bucket)
        smaller = smaller or tuple(size for size in self._sizes if size < bucket)[-1:]
        if smaller:
            log.warning("a batch of %d did not fit into memory; from now on at most %d", bucket, smaller[-1])
            self.buckets = smaller
            self._device.free_memory(smaller[-1])
        return bool(smaller)

    def forward(self, z: Latents, label: Labels, *, here: bool = False) -> Images:
        """uint8 [B, H, W, C]. here: one of several threads that call at the same time, each of which is a lane.

        Raises EngineFailed, DeviceLost.
        """
        lanes = 1 if here else self._device.lanes
        out = np.empty((len(z), *self._image_shape), np.uint8)
        self._permits.get()
        try:
            chunks = self._cut(0, len(z), lanes)
            while failures := self._device.run(chunks, z, label, out, here=here):
                smaller = (self._cut(chunk.start, chunk.count, lanes) for chunk in self._after(failures))
                chunks = [*chain(*smaller)]
        finally:
            self._permits.put(None)
        return out

    def _cut(self, start: int, count: int, lanes: int) -> Sequence[Chunk]:
        if self._device.pads:
            return padded(start, count, self.buckets)
        return unpadded(start, count, self.buckets, lanes)

    def _after(self, failures: list[Failure]) -> list[Chunk]:
        """What to run again, in the smaller buckets that are left."""
        for kind, error in ((Kind.LOST, DeviceLost), (Kind.FAILED, EngineFailed)):
            for _, fault in failures:
                if fault.kind is kind:
                    raise error(fault.message)
        largest, fault = max(failures, key=lambda failure: failure[0].bucket)
        if not self.do_without(largest.bucket):
            raise EngineFailed(f"not enough memory for a batch of {largest.bucket}: {fault.message}")
        self._observer.oom_split()
        return [chunk for chunk, _ in failures]
