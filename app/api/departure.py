"""Work for a request, given up the moment its client has gone."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from app.front.limits import ClientGone

T = TypeVar("T")


async def unless_gone(receive: Callable[[], Awaitable[Any]], work: Awaitable[T]) -> T:
    """The result of `work`; raises ClientGone, after cancelling it, if the connection closes first.

    To be awaited only after the body was read: from then on the next message can only be the disconnect. The work
    runs in the caller's task: one task fewer a request, and a cancellation from outside reaches it as usual. Nothing
    watches before the next turn of the event loop: work that never waits, such as a refusal, is over by then.
    """
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    watcher: asyncio.Task[None] | None = None
    gone = over = False

    def give_up(watcher: asyncio.Task[None]) -> None:
        nonlocal gone
        if not over and not watcher.cancelled() and watcher.exception() is None:
            gone = True
            task.cancel()

    def watch() -> None:
        nonlocal watcher
        watcher = loop.create_task(_disconnect(receive))
        watcher.add_done_callback(give_up)

    beginning = loop.call_soon(watch)
    try:
        return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        over = True
        beginning.cancel()
        if watcher is not None:
            watcher.cancel()


async def _disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
