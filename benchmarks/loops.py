"""The two ways of asking: closed (ask, wait, ask again) and open (ask on time, whatever the answers)."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.plan import CUT, REFUSED, Plan, Stream
from benchmarks.pool import Pool
from benchmarks.tally import TURNED_AWAY, Record
from benchmarks.wire import Answer, Connection, Cut, connect, get, post

_PAUSE_S = 0.05  # before a connection is made again
_LONGEST_ANSWER_S = 60.0
_SHORTEST_WAIT_S = 0.0005  # timers count whole milliseconds: what is due sooner is due now


class Run:
    """One stream, as it runs. `began`: time.perf_counter() of its plan (uvloop's time is whole milliseconds)."""

    def __init__(self, plan: Plan, stream: Stream, began: float) -> None:
        self.records: list[Record] = []
        self._host, self._port, self._stream = plan.host, plan.port, stream
        self._began = began
        self._end = stream.start_s + stream.seconds
        self._orders = self._requests()
        self._begun = 0
        self._asked: dict[Connection, float] = {}  # and when it was asked

    async def run(self) -> list[Record]:
        await asyncio.sleep(self._stream.start_s - self._now)
        patience = asyncio.create_task(self._lose_patience())
        if self._stream.rate is None:
            await asyncio.gather(*(self._closed() for _ in range(self._stream.connections)))
        else:
            await self._open(self._stream.rate)
        patience.cancel()
        return self.records

    def _requests(self) -> Iterator[tuple[bytes, int]]:
        """Request bytes and the number of images in the answer, for ever."""
        stream = self._stream
        made = [(post(stream.path, body, self._host, stream.headers), images(body)) for body in stream.bodies]
        made = made or [(get(stream.path, self._host, stream.headers), 1)]
        return itertools.cycle(made)

    @property
    def _now(self) -> float:
        return time.perf_counter() - self._began

    @property
    def _over(self) -> bool:
        return self._now >= self._end or 0 < self._stream.requests <= self._begun

    async def _closed(self) -> None:
        connection: Connection | None = None
        while not self._over:
            connection, status = await self._answered(connection)
            if self._stream.until_status and status in (self._stream.until_status, CUT, REFUSED):
                break
            if status in (CUT, REFUSED):
                await asyncio.sleep(_PAUSE_S)
        if connection is not None and connection.open:
            connection.hang_up()

    async def _answered(self, connection: Connection | None) -> tuple[Connection | None, int]:
        """One request on this connection, or on a new one; the connection to go on with, and the status."""
        self._begun += 1
        due = self._now
        if connection is None or not connection.open:
            connection = await self._connect(due)
        if connection is None:
            return None, REFUSED
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ask(connection, due, answered.set_result)
        return connection, await answered

    async def _open(self, rate: float) -> None:
        pool = Pool(self._stream.connections, self._connect, self._ask)
        loop = asyncio.get_running_loop()
        all_asked = loop.create_future()
        arrivals = self._arrivals(rate)
        due = next(arrivals)

        def ask_what_is_due() -> None:  # by callbacks, as the pool is
            nonlocal due
            while not self._over:
                if (ahead := due - self._now) >= _SHORTEST_WAIT_S:
                    loop.call_later(ahead, ask_what_is_due)
                    return
                self._begun += 1
                pool.ask(due)
                due = next(arrivals)
            all_asked.set_result(None)

        ask_what_is_due()
        await all_asked
        await pool.end()

    def _arrivals(self, rate: float) -> Iterator[float]:
        chance, due = random.Random(0), self._stream.start_s
        while True:
            due += 1 / rate if self._stream.even else chance.expovariate(rate)
            yield due

    async def _connect(self, due: float) -> Connection | None:
        """None where nobody listens: what was due then is recorded so."""
        try:
            return await connect(self._host, self._port)
        except Cut:
            self.records.append(Record(due, self._now, REFUSED, 0, 0, False))
            return None

    def _ask(self, connection: Connection, due: float, then: Callable[[int], None]) -> None:
        """One request on this connection; `then` is told the status."""
        request, n = next(self._orders)
        self._asked[connection] = self._now
        connection.send(request, partial(self._told, connection, due, n, then))

    def _told(
        self, connection: Connection, due: float, n: int, then: Callable[[int], None], outcome: Answer | Cut
    ) -> None:
        del self._asked[connection]
        if isinstance(outcome, Cut):
            connection.hang_up()
            record = Record(due, self._now, CUT, 0, 0, False)
        else:
            retry_after = outcome.status in TURNED_AWAY and any(
                name.lower() == b"retry-after" for name, _ in outcome.fields
            )
            record = Record(due, self._now, outcome.status, n, outcome.size, retry_after)
        self.records.append(record)
        then(record.status)

    async def _lose_patience(self) -> None:
        """Hangs up where no answer comes: by one timer, for one each would be set and cancelled with every request."""
        while True:
            await asyncio.sleep(1)
            for connection, asked in list(self._asked.items()):
                if self._now - asked > _LONGEST_ANSWER_S:
                    connection.hang_up()


def images(body: Mapping[str, Any]) -> int:
    """How many images such a request asks for."""
    return int(body.get("n") or len(body.get("seeds", ())) or len(body.get("labels", ())) or 1)
