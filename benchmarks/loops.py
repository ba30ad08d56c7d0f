"""The two ways of asking: closed (ask, wait, ask again) and open (ask on time, whatever the answers)."""

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmarks.plan import CUT, REFUSED, Plan, Stream
from benchmarks.pool import Pool
from benchmarks.tally import Record
from benchmarks.wire import Answer, Connection, Cut, connect, get, post

_PAUSE_S = 0.05  # before a connection is made again
_LONGEST_ANSWER_S = 60.0


class Run:
    """One stream, as it runs. `began`: time.perf_counter() of its plan (uvloop's time is whole milliseconds)."""

    def __init__(self, plan: Plan, stream: Stream, began: float) -> None:
        self.records: list[Record] = []
        self._host, self._port, self._stream = plan.host, plan.port, stream
        self._began = began
        self._end = stream.start_s + stream.seconds
        self._orders = self._requests()
        self._begun = 0

    async def run(self) -> list[Record]:
        await asyncio.sleep(self._stream.start_s - self._now)
        if self._stream.rate is None:
            await asyncio.gather(*(self._closed() for _ in range(self._stream.connections)))
        else:
            await self._open(self._stream.rate)
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
        for due in self._arrivals(rate):
            await asyncio.sleep(due - self._now)
            if self._over:
                break
            self._begun += 1
            pool.ask(due)
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

        def told(outcome: Answer | Cut) -> None:
            longest.cancel()
            if isinstance(outcome, Cut):
                connection.hang_up()
                record = Record(due, self._now, CUT, 0, 0, False)
            else:
                retry_after = any(name.lower() == b"retry-after" for name, _ in outcome.fields)
                record = Record(due, self._now, outcome.status, n, outcome.size, retry_after)
            self.records.append(record)
            then(record.status)

        longest = asyncio.get_running_loop().call_later(_LONGEST_ANSWER_S, connection.hang_up)
        connection.send(request, told)


def images(body: Mapping[str, Any]) -> int:
    """How many images such a request asks for."""
    return int(body.get("n") or len(body.get("seeds", ())) or len(body.get("labels", ())) or 1)
