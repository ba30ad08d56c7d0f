"""The two ways of asking: closed (ask, wait, ask again) and open (ask on time, whatever the answers)."""

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.plan import CUT, REFUSED, Plan, Stream
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
        self._sent = 0

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
        return self._now >= self._end or 0 < self._stream.requests <= self._sent

    async def _closed(self) -> None:
        connection: Connection | None = None
        while not self._over:
            connection, status = await self._ask(connection, self._now)
            if self._stream.until_status and status in (self._stream.until_status, CUT, REFUSED):
                break
            if status in (CUT, REFUSED):
                await asyncio.sleep(_PAUSE_S)
        if connection is not None and connection.open:
            connection.hang_up()

    async def _open(self, rate: float) -> None:
        idle: list[Connection] = []
        slots = asyncio.Semaphore(self._stream.connections)
        under_way: set[asyncio.Task[None]] = set()

        async def one(due: float) -> None:
            async with slots:
                connection, _ = await self._ask(idle.pop() if idle else None, due)
                if connection is not None and connection.open:
                    idle.append(connection)

        for due in self._arrivals(rate):
            await asyncio.sleep(due - self._now)
            if self._over:
                break
            task = asyncio.create_task(one(due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        for connection in idle:
            connection.hang_up()

    def _arrivals(self, rate: float) -> Iterator[float]:
        chance, due = random.Random(0), self._stream.start_s
        while True:
            due += 1 / rate if self._stream.even else chance.expovariate(rate)
            yield due

    async def _ask(self, connection: Connection | None, due: float) -> tuple[Connection | None, int]:
        """One request on this connection, or on a new one; the connection to go on with, and the status."""
        request, n = next(self._orders)
        self._sent += 1
        if connection is None or not connection.open:
            try:
                connection = await connect(self._host, self._port)
            except Cut:
                return None, self._record(due, REFUSED, None, 0)
        try:
            async with asyncio.timeout(_LONGEST_ANSWER_S):
                answer = await connection.ask(request)
        except (Cut, TimeoutError):
            connection.hang_up()
            return None, self._record(due, CUT, None, 0)
        return connection, self._record(due, answer.status, answer, n)

    def _record(self, due: float, status: int, answer: Answer | None, n: int) -> int:
        size = answer.size if answer else 0
        retry_after = answer is not None and "retry-after" in answer.headers
        self.records.append(Record(due, self._now, status, n, size, retry_after))
        return status


def images(body: Mapping[str, Any]) -> int:
    """How many images such a request asks for."""
    return int(body.get("n") or len(body.get("seeds", ())) or len(body.get("labels", ())) or 1)
