"""Concurrent requests in the event loop, gathered into batches for the engine's threads, their images handed back.

Everything here runs in the event loop; the queue and the threads are in worker.py. Results come back by one
call_soon_threadsafe a batch. A request ends once: with its images, at its deadline, by an error, or because its client
has gone; what has not been computed by then never is.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import DeadlineExceeded, DeviceLost, Draining, EngineFailed, QueueFull
from app.inference.backlog import Backlog, Rate
from app.inference.jobs import Batch, Computed, Forward, Images, Request, Spent
from app.inference.observer import Observer, Silent
from app.inference.worker import Lead, Worker

_RETRY_WHEN_DRAINING_S = 2.0
# Of the processor, to receive, refuse and answer a request while the engine uses all of it (benchmarks/fairness.py).
_REFUSAL_S = 0.0005


class Batcher:
    """engine_forward: z float32 [B, z_dim], label int64 [B] -> uint8 [B, H, W, C], B <= max_batch_size, called from as
    many threads of its own as there are lanes, or in the place of one of them by whatever `lead` calls.

    engine_encode: uint8 [B, H, W, C] -> z float32 [B, z_dim], called from the same threads; None where nothing encodes.
    usual_batch_size: a full batch while not much more waits (worker.py); 0: max_batch_size.
    turn: images of one client before the next client's turn, where several wait; 0: a quarter of a batch.
    max_wait_ms: how long a batch that is not full may wait for more; 0 sends what is there as soon as a lane is free.
    images_per_second: the rate to assume until full batches were measured.
    lead: for a lone image, as in worker.py.
    """

    def __init__(
        self,
        engine_forward: Forward,
        *,
        engine_encode: Forward | None = None,
        max_batch_size: int = 64,
        usual_batch_size: int = 0,
        lanes: int = 1,
        turn: int = 0,
        max_wait_ms: float = 0.0,
        max_queue_images: int = 4096,
        observer: Observer | None = None,
        images_per_second: float = 0.0,
        lead: Lead | None = None,
    ) -> None:
        self.backlog = Backlog()
        self._forward = engine_forward
        self._encode = engine_encode
        self._max_batch_size = max_batch_size
        self._max_queue_images = max_queue_images
        self._observer = observer or Silent()
        self._rate = Rate(images_per_second)
        self._lanes = lanes
        self._worker = Worker(_Reports(self), max_batch_size, max_wait_ms / 1000, lanes, turn, usual_batch_size, lead)
        self._open: dict[asyncio.Future[Any], Request] = {}
        self._lost: DeviceLost | None = None
        self._draining = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def queued_images(self) -> int:
        """Images that wait; what the engine works on is not among them."""
        return self._worker.waiting_images

    @property
    def images_per_second(self) -> float:
        """As measured over the last seconds of work, in batches at least half full or faster than was known."""
        return self._rate.images_per_second

    @property
    def working_for(self) -> float:
        """Seconds since the oldest forward pass under way began; 0 when there is none. For health checks."""
        return self._worker.working_for

    async def start(self) -> None:
        """Bind to this event loop and start the engine's threads."""
        if self._loop is not None:
            raise RuntimeError("a batcher is started once")
        self._loop = asyncio.get_running_loop()
        self._worker.start()

    async def submit(
        self,
        z: NDArray[np.float32],
        label: NDArray[np.int64],
        *,
        deadline: float,
        client: str,
        spent: Spent | None = None,
    ) -> Images:
        """uint8 [n, H, W, C] for z [n, z_dim] and label [n], computed by `deadline` (time.monotonic seconds).

        spent: is told where the time went. Cancelling the awaiting task drops what has not been computed. Raises
        QueueFull, Draining, DeadlineExceeded, EngineFailed, DeviceLost.
        """
        images: Images = await self._submit(self._forward, (z, label), deadline, client, spent)
        return images

    async def encode(self, images: Images, *, deadline: float, client: str) -> NDArray[np.float32]:
        """z float32 [n, z_dim] of images uint8 [n, H, W, C]: as `submit`, in the same queue, an image for an image."""
        if self._encode is None:
            raise ValueError("this engine does not encode")
        codes: NDArray[np.float32] = await self._submit(self._encode, (images,), deadline, client)
        return codes

    async def _submit(
        self,
        forward: Forward,
        inputs: tuple[NDArray[Any], ...],
        deadline: float,
        client: str,
        spent: Spent | None = None,
    ) -> Computed:
        loop = self._require_accepting()
        request = self._accept(Request(forward, inputs, deadline, client, _Result(self, loop), time.monotonic()))
        timer = loop.call_later(deadline - request.arrived, self._expire, request)
        try:
            computed: Computed = await request.future
            if spent is not None:
                spent.infer = request.infer
                spent.queue = max(0.0, time.monotonic() - request.arrived - request.infer)
            return computed
        except asyncio.CancelledError:
            self._abandon(request.future)
            raise
        finally:
            timer.cancel()

    def charge_refusal(self, client: str) -> None:
        """A request of this client was refused, which took time from everybody's work: its own work makes up for it."""
        self._worker.charge(client, _REFUSAL_S * self.images_per_second)

    async def drain(self) -> None:
        """Refuse new work, answer what was accepted, then end the engine's threads."""
        self._draining = True
        await self._empty.wait()
        self.stop()

    def stop(self) -> None:
        """End the engine's threads after the batches they are at; whatever is still open fails with Draining."""
        self._draining = True
        self._worker.stop()
        for request in list(self._open.values()):
            self._fail(request, Draining("the model is being unloaded", _RETRY_WHEN_DRAINING_S))

    def _require_accepting(self) -> asyncio.AbstractEventLoop:
        if self._lost is not None:
            raise DeviceLost(str(self._lost))
        if self._draining or self._loop is None:
            raise Draining("the model takes no new work", _RETRY_WHEN_DRAINING_S)
        return self._loop

    def _accept(self, request: Request) -> Request:
        n = request.n
        counts = [len(array) for array in request.inputs]
        if n == 0 or set(counts) != {n}:
            raise ValueError(f"{counts} latents and labels, or images: as many of both, and at least one")
        if request.deadline <= request.arrived:
            self._observer.rejected(DeadlineExceeded.code, n)
            raise DeadlineExceeded("the deadline had passed before the work began")
        excess = self.queued_images + n - self._max_queue_images
        if excess > 0:
            self._observer.rejected(QueueFull.code, n)
            rate = self.images_per_second
            raise QueueFull(f"{self.queued_images} images wait, {n} more do not fit", excess / rate if rate else 1.0)
        self._open[request.future] = request
        self._empty.clear()
        self.backlog.add(request.client, n)
        self._worker.push(request, on_all_cores=request.forward is self._forward)
        return request

    def _deliver(self, batch: Batch, results: Computed, seconds: float) -> None:
        self._learn_rate(batch)
        waits = []
        for request in {piece.request for piece in batch.pieces}:
            request.note_pass(batch.started, seconds)
        for piece, part in batch.parts(results):
            request = piece.request
            if request.future not in self._open or request.future.done():
                continue
            if request.computed == 0:
                waits.append((batch.started - request.arrived, request.n))
            self.backlog.remove(request.client, piece.count)
            if (complete := request.keep(piece, part)) is not None:
                self._close(request)
                request.future.set_result(complete)
        self._worker.prepare()
        # When those who wait for these images have gone on with them: they shall not wait for statistics.
        asyncio.get_running_loop().call_soon(self._tell, batch.size, seconds, waits)

    def _tell(self, size: int, seconds: float, waits: list[tuple[float, int]]) -> None:
        self._observer.batch(size, seconds)
        for waited, n in waits:
            self._observer.waited(waited, n)

    def _learn_rate(self, batch: Batch) -> None:
        """What one lane did, all do at the same time."""
        busy = batch.busy / self._lanes
        # A small batch says little about what a full one would do, unless it is faster than that already.
        telling = 2 * batch.size >= self._max_batch_size or batch.size > busy * self._rate.images_per_second > 0
        if telling and batch.forward is self._forward:
            self._rate.observe(batch.size, busy)

    def _expire(self, request: Request) -> None:
        uncomputed = self._fail(request, DeadlineExceeded("the images could not be computed by the deadline"))
        if uncomputed:
            self._observer.rejected(DeadlineExceeded.code, uncomputed)

    def _abandon(self, result: "asyncio.Future[Any]") -> None:
        """The client has gone."""
        request = self._open.get(result)
        if request is not None and (uncomputed := self._withdraw(request)):
            self._observer.cancelled(uncomputed)

    def _fail(self, request: Request, error: Exception) -> int:
        """Returns how many images no forward pass had begun with."""
        if request.future not in self._open or request.future.done():
            return 0
        request.future.set_exception(error)
        return self._withdraw(request)

    def _withdraw(self, request: Request) -> int:
        uncomputed = self._worker.withdraw(request)
        self.backlog.remove(request.client, request.n - request.computed)
        self._close(request)
        return uncomputed

    def _close(self, request: Request) -> None:
        self._open.pop(request.future, None)
        if not self._open:
            self._empty.set()

    def _lose(self, loss: DeviceLost) -> None:
        """The device is gone: nothing open can be finished, nothing new be begun."""
        self._lost = loss
        for request in list(self._open.values()):
            self._fail(request, DeviceLost(str(loss)))


class _Result(asyncio.Future[Any]):
    """Of a request."""

    def __init__(self, batcher: Batcher, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._batcher = batcher

    def forsake(self) -> None:
        """Its client has gone: what is not computed is dropped now, and whoever awaits it will be cancelled."""
        self._batcher._abandon(self)


class _Reports:
    """From the engine thread into the event loop."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher

    def computed(self, batch: Batch, results: Computed, seconds: float) -> None:
        self._post(self._batcher._deliver, batch, results, seconds)

    def failed(self, request: Request, error: EngineFailed) -> None:
        self._post(self._batcher._fail, request, error)

    def lost(self, loss: DeviceLost) -> None:
        self._post(self._batcher._lose, loss)

    def _post(self, callback: Callable[..., object], *args: Any) -> None:
        assert self._batcher._loop is not None
        with contextlib.suppress(RuntimeError):  # the event loop was closed: nobody waits any more
            self._batcher._loop.call_soon_threadsafe(callback, *args)
