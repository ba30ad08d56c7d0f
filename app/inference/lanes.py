"""A CPU as several lanes of one thread each: the callers' own, or threads from here that share a list of chunks.

Inside a lane no operator waits for a second thread, so that a core taken away for a moment (by the event loop, by an
encoder) delays one chunk and not every layer of the batch. And what a lane computes does not depend on how many cores
the machine has: with two threads oneDNN cut some batch sizes (3 and 5) differently and the last bits changed. A single
image may use all threads at once, for latency, where that was proved to give the same bits and while it is faster.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from app.inference.chunks import Chunk
from app.inference.contest import Contest
from app.inference.cores import on_all_cores, usable_threads, use_threads
from app.inference.executor import Failure, Images, Labels, Latents
from app.inference.faults import attempt

TensorForward = Callable[[Tensor, Tensor], Tensor]
T = TypeVar("T")


class Lanes:
    """wide: an image that is all there is to do may run on all threads instead of in a lane, whichever has been faster
    lately."""

    pads = False

    def __init__(self, threads: int | None = None) -> None:
        self.lanes = threads or usable_threads()
        self.wide = False
        self._contest = Contest()
        self._pixels: TensorForward
        self._counting = threading.Lock()
        self._running = 0  # calls of `run` under way
        self._pool = ThreadPoolExecutor(self.lanes, "lane", initializer=use_threads, initargs=(1,))
        self.everywhere(lambda: None)
        use_threads(self.lanes, by_default=True)  # which the lanes have changed

    def serve(self, pixels: TensorForward) -> None:
        """What `run` runs: z, label -> uint8 [B, H, W, C]."""
        self._pixels = pixels

    def run(self, chunks: Sequence[Chunk], z: Latents, label: Labels, out: Images, *, here: bool) -> list[Failure]:
        computed = partial(self._compute, z, label, out)
        with self._counting:
            self._running += 1
            alone = self.wide and self._running == 1 and len(chunks) == 1 and chunks[0].count == 1
        try:
            if alone:
                failures = [self._alone(partial(computed, chunks[0]), self._here if here else self.inside)]
            elif here:
                failures = [self._here(partial(computed, chunk)) for chunk in chunks]
            else:
                failures = self._shared_out(chunks, computed)
        finally:
            with self._counting:
                self._running -= 1
        return [failure for failure in failures if failure]

    def _shared_out(self, chunks: Sequence[Chunk], computed: Callable[[Chunk], Failure | None]) -> list[Failure | None]:
        waiting, failures = deque(chunks), deque[Failure | None]()

        def lane() -> None:
            while waiting:
                try:
                    chunk = waiting.popleft()
                except IndexError:  # another lane was quicker
                    return
                failures.append(computed(chunk))

        for running in [self._pool.submit(_infer, lane) for _ in range(min(self.lanes, len(chunks)))]:
            running.result()
        return list(failures)

    def answers(self) -> bool:
        """A CPU that computes this still works."""
        return True

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
        use_threads(1)
        return _infer(action)

    def inside(self, action: Callable[[], T]) -> T:
        """`action` in one lane: computed as every chunk is."""
        return self._pool.submit(_infer, action).result()

    def everywhere(self, action: Callable[[], object]) -> None:
        """`action` once in every lane, all at the same time."""
        together = threading.Barrier(self.lanes)
        for running in [self._pool.submit(lambda: (together.wait(), _infer(action))) for _ in range(self.lanes)]:
            running.result()

    def with_all_threads(self, action: Callable[[], T]) -> T:
        """`action` with its operators on all threads."""
        return on_all_cores(self.lanes, action)

    def _compute(self, z: Latents, label: Labels, out: Images, chunk: Chunk) -> Failure | None:
        rows = slice(chunk.start, chunk.start + chunk.count)

        def compute() -> None:
            images = self._pixels(torch.from_numpy(z[rows]), torch.from_numpy(label[rows]))
            np.copyto(out[rows], images.numpy())

        fault = attempt(compute, self.answers)
        return (chunk, fault) if fault else None


def _infer(action: Callable[[], T]) -> T:
    with torch.inference_mode():
        return action()
