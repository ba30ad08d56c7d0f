"""A coroutine run to its first wait: what never waits needs no timer and no watcher beside it."""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Begun(Generic[T]):
    """Runs `work` at once until it waits or is over, and raises what it raises by then.

    waits: it is not over, and has to be awaited next, by the same task. result: of what is over.
    """

    result: T

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._wanted: Any = None
        self.waits = True
        self._go_on(partial(work.send, None))

    def __await__(self) -> Generator[Any, Any, T]:
        while self.waits:
            try:
                sent = yield self._wanted
            except BaseException as error:
                self._go_on(partial(self._work.throw, error))
            else:
                self._go_on(partial(self._work.send, sent))
        return self.result

    def forsake(self) -> None:
        """Nobody will want the result: told to what it waits for, if that has a `forsake` for it. To be cancelled all
        the same."""
        if forsake := getattr(self._wanted, "forsake", None):
            forsake()

    def _go_on(self, step: Callable[[], Any]) -> None:
        try:
            self._wanted = step()
        except StopIteration as end:
            self.waits, self.result = False, end.value
