"""The connections of an open loop: a request is asked the moment it is due, or as soon as one is free.

By callbacks: a task a request would take as much of the machine as the service takes to refuse one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.wire import Connection


class Pool:
    """most: connections at a time, made when first needed.

    connect: a connection for the request that was due then; None: there is none to be had. ask: asks on the connection
    what was due then, and calls back when that is over.
    """

    def __init__(
        self,
        most: int,
        connect: Callable[[float], Awaitable[Connection | None]],
        ask: Callable[[Connection, float, Callable[[int], None]], None],
    ) -> None:
        self._most, self._connect, self._ask = most, connect, ask
        self._busy = 0
        self._idle: list[Connection] = []
        self._waiting: deque[float] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()

    def ask(self, due: float) -> None:
        if self._busy == self._most:
            self._waiting.append(due)
            return
        self._busy += 1
        self._quiet.clear()
        self._begin(due)

    async def end(self) -> None:
        """Waits for what is under way or waiting, then hangs up."""
        await self._quiet.wait()
        for connection in self._idle:
            connection.hang_up()

    def _begin(self, due: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                self._ask(connection, due, partial(self._answered, connection))
                return
        task = asyncio.create_task(self._begin_on_another(due))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _begin_on_another(self, due: float) -> None:
        connection = await self._connect(due)
        if connection is None:
            self._go_on()
        else:
            self._ask(connection, due, partial(self._answered, connection))

    def _answered(self, connection: Connection, status: int) -> None:
        if connection.open:
            self._idle.append(connection)
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting:
            self._begin(self._waiting.popleft())
            return
        self._busy -= 1
        if not self._busy:
            self._quiet.set()
