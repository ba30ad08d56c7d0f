"""Answers made once: a bounded memory of the latest, and one making for everybody who asks meanwhile.

An answer here is fixed by its key for ever (a seed is an image), so nothing is ever out of date.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

from app.errors import DeadlineExceeded, Overloaded


class Sized(Protocol):
    @property
    def body(self) -> bytes: ...


T = TypeVar("T", bound=Sized)


class _Making(Generic[T]):
    """One task and the number of those who wait for it; the last to leave cancels it, after `forget`."""

    def __init__(self, task: "asyncio.Task[T]", forget: Callable[[], None]) -> None:
        self.task = task
        self.waiting = 0
        self._forget = forget

    async def wait(self) -> T:
        self.waiting += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self.waiting -= 1
            if not self.waiting:
                self._forget()  # at once, or somebody could still join what is about to be cancelled
                self.task.cancel()


class Shared(Generic[T]):
    """For one event loop. Holds at most `max_bytes` of bodies, the least recently asked for leaving first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._making: dict[str, _Making[T]] = {}

    @property
    def bytes(self) -> int:
        return self._bytes

    def kept(self, key: str) -> T | None:
        """What is remembered under this key."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    async def get(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        """Remembered, or made by whoever asked first; cancelling one who waits does not disturb the others.

        Raises what `make` raises. That the first was refused, or has run out of time, is its own affair: those who
        joined it then make for themselves.
        """
        if (found := self.kept(key)) is not None:
            return found
        joined = self._making.get(key)
        if joined is None:
            return await self._begin(key, make).wait()
        try:
            return await joined.wait()
        except (Overloaded, DeadlineExceeded):
            return self._keep(key, await make())

    def _begin(self, key: str, make: Callable[[], Awaitable[T]]) -> _Making[T]:
        async def run() -> T:
            return self._keep(key, await make())

        task = asyncio.create_task(run())
        making = self._making[key] = _Making(task, lambda: self._forget(key, task))
        task.add_done_callback(lambda _: self._forget(key, task))
        return making

    def _forget(self, key: str, task: "asyncio.Task[T]") -> None:
        if key in self._making and self._making[key].task is task:
            del self._making[key]
        if task.done() and not task.cancelled():
            task.exception()  # seen: all who waited may have left at the same moment

    def _keep(self, key: str, made: T) -> T:
        if key not in self._kept and len(made.body) <= self._max_bytes:
            self._kept[key] = made
            self._bytes += len(made.body)
            while self._bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest.body)
        return made
