"""A batch is computed, and each request of one that failed once more, alone; the batcher is told what came of it."""

import time
from collections.abc import Callable
from typing import Protocol

from app.errors import DeviceLost, EngineFailed
from app.inference.jobs import Batch, Computed, Request


class Reports(Protocol):
    """Where a thread that computes tells what happened; each of these is called in that thread."""

    def computed(self, batch: Batch, results: Computed, seconds: float) -> None:
        """The results of a batch, or of one request's part of a batch that had failed as a whole."""

    def failed(self, request: Request, error: EngineFailed) -> None:
        """This request's forward pass failed, also when tried again alone."""

    def lost(self, loss: DeviceLost) -> None:
        """The device, or the thread itself, is gone; all threads end with this."""


class Computing:
    """For threads that compute. withdraw: takes what still waits of a request out of the queue."""

    def __init__(self, reports: Reports, withdraw: Callable[[Request], object]) -> None:
        self._reports = reports
        self._withdraw = withdraw

    def run(self, batch: Batch) -> float:
        """Returns when the device was free again, time.monotonic(). Raises DeviceLost."""
        try:
            return self._run(batch)
        except DeviceLost:
            raise
        except Exception as error:
            self._retry(batch, error)
            return time.monotonic()

    def _retry(self, batch: Batch, error: Exception) -> None:
        """Each request again, alone: only those that fail again are to blame."""
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
                self._withdraw(alone.pieces[0].request)
                self._reports.failed(alone.pieces[0].request, failure)

    def _run(self, batch: Batch) -> float:
        began = time.monotonic()
        results = batch.forward(*batch.inputs)
        ended = time.monotonic()
        if len(results) != batch.size:
            raise EngineFailed(f"{batch.size} images were asked for, {len(results)} came")
        batch.busy += ended - began
        self._reports.computed(batch, results, ended - began)
        return ended
