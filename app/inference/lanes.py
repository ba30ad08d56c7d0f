"""A CPU as several lanes of one thread each: the callers' own, or threads from here that share a list of chunks.

Inside a lane no operator waits for a second thread, so that a core taken away for a moment (by the event loop, by an
encoder) delays one chunk and not every layer of the batch. And what a lane computes does not depend on how many cores
the machine has: with two threads oneDNN cut some batch sizes (3 and 5) differently and the last bits changed. A single
image may use all threads at once, for latency, where that was proved to give the same bits and while it is faster.
"""

import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from app.inference.chunks import Chunk
from app.inference.contest import Contest
from app.inference.executor import Images, Labels, Latents
from app.inference.faults import Fault, attempt

TensorForward = Callable[[Tensor, Tensor], Tensor]
T = TypeVar("T")

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


class Lanes:
    """wide: an image that is all there is to do may run on all threads instead of in a lane, whichever has been faster
    lately."""

    pads = False

    def __init__(self, threads: int | None = None) -> None:
        self.lanes = threads or usable_threads()
        self.wide = False
        self._contest = Contest()
        self._pixels: TensorForward
        self._own = threading.local()
        self._counting = threading.Lock()
        self._running = 0  # calls of `run` under way
        self._pool = ThreadPoolExecutor(self.lanes, "lane", initializer=_use_threads, initargs=(1,))
        self.everywhere(lambda: None)
        _use_threads(self.lanes)  # the lanes have also set what a new thread starts with: back to the usual

    def serve(self, pixels: TensorForward) -> None:
        """What `run` runs: z, label -> uint8 [B, H, W, C]."""
        self._pixels = pixels

    def run(
        self, chunks: list[Chunk], z: Latents, label: Labels, out: Images, *, here: bool
    ) -> list[tuple[Chunk, Fault]]:
        def computed(chunk: Chunk) -> Fault | None:
            return attempt(partial(self._compute, chunk, z, label, out), lambda: True)

        with self._counting:
            self._running += 1
            only_call = self._running == 1
        try:
            if self.wide and only_call and len(chunks) == 1 and chunks[0].count == 1:
                fault = self._alone(partial(computed, chunks[0]), self._here if here else self.inside)
                return [(chunks[0], fault)] if fault else []
            if here:
                return [(chunk, fault) for chunk in chunks if (fault := self._here(partial(computed, chunk)))]
            return self._shared_out(chunks, computed)
        finally:
            with self._counting:
                self._running -= 1

    def _shared_out(self, chunks: list[Chunk], computed: Callable[[Chunk], Fault | None]) -> list[tuple[Chunk, Fault]]:
        waiting, failures = deque(chunks), deque[tuple[Chunk, Fault]]()

        def lane() -> None:
            while waiting:
                try:
                    chunk = waiting.popleft()
                except IndexError:  # another lane was quicker
                    return
                if fault := computed(chunk):
                    failures.append((chunk, fault))

        for running in [self._pool.submit(_infer, lane) for _ in range(min(self.lanes, len(chunks)))]:
            running.result()
        return list(failures)

    def free_memory(self, largest: int) -> None:
        pass

    def _alone(self, action: Callable[[], T], narrow: Callable[[Callable[[], T]], T]) -> T:
        # With all cores free, threads that wait for each other halve the time; with one taken away they multiply it.
        wide = self._contest.second()
        began = time.perf_counter()
        result = (self.with_all_threads if wide else narrow)(action)
        self._contest.took(wide, time.perf_counter() - began)
        return result

    def _here(self, action: Callable[[], T]) -> T:
        """`action` in the calling thread, its operators too."""
        return self._on_threads(1, action)

    def inside(self, action: Callable[[], T]) -> T:
        """`action` in one lane: computed as every chunk is."""
        return self._pool.submit(_infer, action).result()

    def everywhere(self, action: Callable[[], object]) -> None:
        """`action` once in every lane, all at the same time."""
        together = threading.Barrier(self.lanes)
        for running in [self._pool.submit(lambda: (together.wait(), _infer(action))) for _ in range(self.lanes)]:
            running.result()

    def with_all_threads(self, action: Callable[[], T]) -> T:
        """`action` in the calling thread, its operators on all threads."""
        return self._on_threads(self.lanes, action)

    def _on_threads(self, count: int, action: Callable[[], T]) -> T:
        if getattr(self._own, "threads", 0) != count:
            _use_threads(count)
            self._own.threads = count
        return _infer(action)

    def _compute(self, chunk: Chunk, z: Latents, label: Labels, out: Images) -> None:
        rows = slice(chunk.start, chunk.start + chunk.count)
        images = self._pixels(torch.from_numpy(z[rows]), torch.from_numpy(label[rows]))
        np.copyto(out[rows], images.numpy())


def usable_threads() -> int:
    """PyTorch's own count (cores, affinity, OMP_NUM_THREADS), but no more than a container's CPU quota."""
    try:
        quota, period = _QUOTA.read_text().split()
        allowed = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no cgroup v2, or "max"
        allowed = os.cpu_count() or 1
    return max(1, min(torch.get_num_threads(), allowed))


def _use_threads(count: int) -> None:
    """For operators called by the calling thread."""
    torch.get_num_threads()  # a thread takes the process's number over when first asked: before, not after, we set ours
    torch.set_num_threads(count)


def _infer(action: Callable[[], T]) -> T:
    with torch.inference_mode():
        return action()
