"""The engine's thread: takes batches from the fair queue, runs them, and reports what became of them.

Everything here is either under the one lock or in the engine thread. While the engine works, the other side may put the
next full batch together (`prepare`), so that it is ready when the engine is; when less than a full batch waits, the
engine takes what there is the moment it is free. What nobody wants any more is looked for once more right before the
forward pass.
"""

import logging
import threading
import time
from typing import Protocol

from app.errors import DeviceLost, EngineFailed
from app.inference.fair_queue import FairQueue
from app.inference.jobs import Batch, Computed, Request, assemble

log = logging.getLogger("tessera")


class Reports(Protocol):
    """Where the engine thread tells what happened; each of these is called in that thread."""

    def computed(self, batch: Batch, results: Computed, seconds: float) -> None:
        """The results of a batch, or of one request's part of a batch that had failed as a whole."""

    def failed(self, request: Request, error: EngineFailed) -> None:
        """This request's forward pass failed, also when tried again alone."""

    def lost(self, loss: DeviceLost) -> None:
        """The device, or the thread itself, is gone; the thread ends with this."""


class Worker:
    """max_wait_s: how long a batch that is not full may wait for more."""

    def __init__(self, reports: Reports, max_batch_size: int, max_wait_s: float) -> None:
        self._reports = reports
        self._max_batch_size = max_batch_size
        self._max_wait_s = max_wait_s
        self._changed = threading.Condition()  # guards everything below
        self._queue: FairQueue[Request] = FairQueue(max(1, max_batch_size // 4), max(1, max_batch_size // 2))
        self._ready: Batch | None = None
        self._waiting_since = 0.0
        self._working_since: float | None = None
        self._free_since = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the batch it is at; wait for that no longer than a second."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    @property
    def waiting_images(self) -> int:
        """Images that no forward pass has begun with."""
        ready = self._ready
        return self._queue.images + (ready.size if ready else 0)

    @property
    def working_for(self) -> float:
        """Seconds since the batch under way began; 0 when there is none."""
        since = self._working_since
        return 0.0 if since is None else time.monotonic() - since

    def push(self, request: Request) -> None:
        with self._changed:
            if self._queue.images == 0:
                self._waiting_since = request.arrived
            self._queue.push(request)
            self._prepare()
            self._changed.notify()

    def prepare(self) -> None:
        """Put the next batch together while the engine works, if it will be full anyway."""
        with self._changed:
            self._prepare()

    def withdraw(self, request: Request) -> int:
        """Nobody wants the rest of this request. Returns how many of its images no forward pass had begun with."""
        with self._changed:
            request.gone = True
            self._queue.discard(request)
            if self._ready is not None and self._ready.holds(request):
                self._ready = self._ready.wanted(time.monotonic())
            return request.n - request.begun

    def _prepare(self) -> None:
        if self._ready is None and self._working_since is not None and self._queue.images >= self._max_batch_size:
            self._ready = assemble(self._queue.take(self._max_batch_size))

    # In the engine thread.

    def _work(self) -> None:
        try:
            while (batch := self._next()) is not None:
                self._compute(batch)
        except DeviceLost as loss:
            self._reports.lost(loss)
        except BaseException as error:  # nobody shall wait for a thread that has ended
            log.exception("the engine thread ended")
            self._reports.lost(DeviceLost(f"the engine thread ended: {error!r}"))

    def _next(self) -> Batch | None:
        """Wait for a batch; None when it is time to end."""
        with self._changed:
            self._working_since = None
            free_since = self._free_since
            while not self._stopping:
                now = time.monotonic()
                batch = self._pick(now)
                if batch is not None:
                    self._working_since = now
                    batch.begin(now)
                    batch.busy = now - (free_since or now)
                    return batch
                free_since = 0.0  # nothing was there
                patience = self._waiting_since + self._max_wait_s - now
                self._changed.wait(patience if self._queue.images else None)
        return None

    def _pick(self, now: float) -> Batch | None:
        """The ready batch, or what waits if that is enough or has waited long enough; nothing that has expired."""
        ready, self._ready = self._ready, None
        if ready is not None and (batch := ready.wanted(now)) is not None:
            return batch
        while self._queue.images:
            if self._queue.images < self._max_batch_size and now - self._waiting_since < self._max_wait_s:
                return None
            pieces = self._queue.take(self._max_batch_size)
            self._waiting_since = now
            batch = assemble([piece for piece in pieces if piece.request.wanted(now)])
            if batch is not None:
                return batch
        return None

    def _compute(self, batch: Batch) -> None:
        try:
            self._run(batch)
        except DeviceLost:
            raise
        except Exception as error:
            self._retry(batch, error)

    def _retry(self, batch: Batch, error: Exception) -> None:
        """Each request of a failed batch again, alone: only those that fail again are to blame."""
        for alone in batch.split():
            if alone.wanted(time.monotonic()) is None:
                continue
            try:
                self._run(alone)
            except DeviceLost:
                raise
            except Exception as again:
                failure = EngineFailed(f"the forward pass failed: {again}")
                failure.__cause__ = error
                self.withdraw(alone.pieces[0].request)
                self._reports.failed(alone.pieces[0].request, failure)

    def _run(self, batch: Batch) -> None:
        began = time.monotonic()
        results = batch.forward(*batch.inputs)
        self._free_since = time.monotonic()
        seconds = self._free_since - began
        if len(results) != batch.size:
            raise EngineFailed(f"{batch.size} images were asked for, {len(results)} came")
        batch.busy += seconds
        self._reports.computed(batch, results, seconds)
