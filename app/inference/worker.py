"""The engine's threads: each takes a batch from the fair queue, runs it, reports what became of it, and takes the next.

Several of them, one a lane of the engine, never wait for each other: while one's images are being answered and asked
for anew, another computes. Everything here is either under the one lock or in a thread that computes. While all of them
work, the other side may put the next full batch together (`prepare`), so that it is ready when one is free; when less
waits, a free thread takes what there is at once, or its share where others are free too. What nobody wants any more is
looked for once more right before the forward pass.

A lone image may be computed by all cores, which one thread of the process leads (cores.py). If that is free it takes
the image itself, in the place of a lane that sleeps on: to wake the lane, which wakes it and then waits for it, was
some 3 % of an idle caller's time.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from app.errors import DeviceLost
from app.inference.computing import Computing, Reports
from app.inference.fair_queue import FairQueue
from app.inference.jobs import Batch, Request, assemble
from app.inference.turns import give_way, share_cores

log = logging.getLogger("tessera")

Lead = Callable[[Callable[[], None]], bool]


@dataclass(eq=False)
class _Lane:
    """A thread, or who stands in for it: what it is woken by, and its times, time.monotonic(). working_since: of the
    batch under way; free_since: of the end of the last one, 0 if nothing was there to go on with."""

    woken: threading.Condition
    working_since: float | None = None
    free_since: float = 0.0

    def rests(self) -> bool:
        return self.working_since is None


class Worker:
    """lanes: how many batches are computed at a time. largest: images in one of them. max_wait_s: how long one that is
    not full may wait for more. turn: images of one client before the next client's turn; 0: a quarter of a batch.
    usual: a full batch while less waits than every lane would need for two of the largest; 0: the largest itself.
    lead: begins with an action in the thread that leads all cores, or returns False; None: there is none."""

    def __init__(
        self,
        reports: Reports,
        largest: int,
        max_wait_s: float,
        lanes: int = 1,
        turn: int = 0,
        usual: int = 0,
        lead: Lead | None = None,
    ) -> None:
        self._reports = reports
        self._computing = Computing(reports, self.withdraw)
        self._largest = largest
        self._usual = min(usual or largest, largest)
        self._max_wait_s = max_wait_s
        self._lead = None if max_wait_s else lead  # a lane that waits for company wakes up by itself
        self._lock = threading.Lock()  # guards everything below
        turn = turn or max(1, largest // 4)
        self._queue: FairQueue[Request] = FairQueue(turn, 2 * turn)
        self._ready: Batch | None = None
        self._waiting_since = 0.0
        self._stopping = False
        self._lanes = [_Lane(threading.Condition(self._lock)) for _ in range(lanes)]
        self._idle: list[_Lane] = []  # asleep, the last to fall asleep at the end
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"engine-{index}", daemon=True)
            for index, lane in enumerate(self._lanes)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads after the batches they are at; wait for that no longer than a second."""
        self._end()
        until = time.monotonic() + 1.0
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            for lane in self._lanes:
                lane.woken.wait_for(lane.rests, max(0.0, until - time.monotonic()))

    def _end(self) -> None:
        with self._lock:
            self._stopping = True
            for lane in self._lanes:
                lane.woken.notify()

    @property
    def waiting_images(self) -> int:
        """Images that no forward pass has begun with."""
        ready = self._ready
        return self._queue.images + (ready.size if ready else 0)

    @property
    def working_for(self) -> float:
        """Seconds since the oldest batch under way began; 0 when there is none."""
        now = time.monotonic()
        return max(0.0 if (since := lane.working_since) is None else now - since for lane in self._lanes)

    def push(self, request: Request, *, on_all_cores: bool = False) -> None:
        """on_all_cores: whether the leader may compute it, if it is a lone image."""
        with self._lock:
            if self._queue.images == 0:
                self._waiting_since = request.arrived
            self._queue.push(request)
            self._prepare()
            alone = self._queue.images == 1 and len(self._idle) == len(self._lanes)
            if not (on_all_cores and alone and self._led()):
                self._wake_one()

    def charge(self, client: str, images: float) -> None:
        with self._lock:
            self._queue.charge(client, images)

    def prepare(self) -> None:
        """Put the next batch together while all lanes work, if it will be full anyway."""
        with self._lock:
            self._prepare()

    def withdraw(self, request: Request) -> int:
        """Nobody wants the rest of this request. Returns how many of its images no forward pass had begun with."""
        with self._lock:
            request.gone = True
            self._queue.discard(request)
            if self._ready is not None and self._ready.holds(request):
                self._ready = self._ready.wanted(time.monotonic())
            return request.n - request.begun

    def _prepare(self) -> None:
        full = self._full()
        if self._ready is None and self._queue.images >= full and not self._free():
            self._ready = assemble(self._queue.take(full))

    def _full(self) -> int:
        """Images of a full batch. Where few callers ask again only when they are answered, large ones would leave the
        other lanes, and then this one, with what is left."""
        plenty = 2 * self._largest * len(self._lanes)
        return self._largest if self._queue.images >= plenty else self._usual

    def _free(self) -> int:
        """Lanes that do nothing."""
        return sum(lane.rests() for lane in self._lanes)

    def _led(self) -> bool:
        """Has the leader of all cores taken the place of the lane that would be woken?"""
        lane = self._idle[-1]
        if self._lead is None or not self._lead(partial(self._guarded, partial(self._stand_in, lane))):
            return False
        self._idle.remove(lane)
        return True

    # In the engine's threads, or in the leader's.

    def _work(self, lane: _Lane) -> None:
        share_cores()
        self._guarded(partial(self._serve, lane))

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except DeviceLost as loss:
            self._lose(loss)
        except BaseException as error:  # nobody shall wait for a thread that has ended
            log.exception("an engine thread ended")
            self._lose(DeviceLost(f"an engine thread ended: {error!r}"))

    def _lose(self, loss: DeviceLost) -> None:
        self._end()
        self._reports.lost(loss)

    def _serve(self, lane: _Lane) -> None:
        while (batch := self._next(lane)) is not None:
            try:
                lane.free_since = self._computing.run(batch)
            except BaseException:  # told by whoever called; here only: this lane is not at work any more
                with self._lock:
                    lane.working_since = None
                raise
            give_way()

    def _stand_in(self, lane: _Lane) -> None:
        """The lone image, for a lane that is asleep and is woken for whatever waits afterwards: for the image too, if
        that has company by now, because a batch would keep the leader from others' images."""
        with self._lock:
            alone = self._queue.images == 1 and not self._stopping
            batch = self._begin(lane, 0.0) if alone else None
        try:
            if batch is not None:
                lane.free_since = self._computing.run(batch)
        finally:
            with self._lock:
                lane.working_since = None
                self._idle.append(lane)
                if self._stopping or self._ready or self._queue.images:
                    self._wake_one()

    def _next(self, lane: _Lane) -> Batch | None:
        """Wait for a batch; None when it is time to end."""
        with self._lock:
            lane.working_since = None
            free_since = lane.free_since
            while not self._stopping:
                if (batch := self._begin(lane, free_since)) is not None:
                    return batch
                free_since = 0.0  # nothing was there
                patience = self._waiting_since + self._max_wait_s - time.monotonic()
                self._sleep(lane, patience if self._queue.images else None)
        return None

    def _begin(self, lane: _Lane, free_since: float) -> Batch | None:
        """What there is for this lane now. free_since: when it could have begun, 0 if not before."""
        now = time.monotonic()
        batch = self._pick(now)
        if batch is not None:
            lane.working_since = now
            batch.begin(now)
            batch.busy = now - (free_since or now)
            if self._queue.images:
                self._wake_one()
        return batch

    def _sleep(self, lane: _Lane, seconds: float | None) -> None:
        self._idle.append(lane)
        lane.woken.wait(seconds)
        if lane in self._idle:  # nobody woke it
            self._idle.remove(lane)

    def _wake_one(self) -> None:
        """The last to fall asleep: its caches are the warmest."""
        if self._idle:
            self._idle.pop().woken.notify()

    def _pick(self, now: float) -> Batch | None:
        """The ready batch, or what waits if that is enough or has waited long enough; nothing that has expired."""
        ready, self._ready = self._ready, None
        if ready is not None and (batch := ready.wanted(now)) is not None:
            return batch
        while self._queue.images:
            full = self._full()
            if self._queue.images < full and now - self._waiting_since < self._max_wait_s:
                return None
            free = self._free()
            pieces = self._queue.take(min(full, math.ceil(self._queue.images / free)))
            if free == 1:  # else the rest is another lane's share, and has waited as long
                self._waiting_since = now
            batch = assemble([piece for piece in pieces if piece.request.wanted(now)])
            if batch is not None:
                return batch
        return None
