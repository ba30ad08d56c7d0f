"""Work for a request, given up the moment its client has gone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from app.front.begun import Begun
from app.front.limits import ClientGone

T = TypeVar("T")


async def unless_gone(receive: Callable[[], Awaitable[Any]], work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; raises ClientGone, after cancelling it, if the connection closes first.

    To be awaited only after the body was read: from then on the next message can only be the disconnect. The work
    runs in the caller's task: one task fewer a request, and a cancellation from outside reaches it as usual. Work
    that never waits, such as a refusal, has no watcher.
    """
    begun = Begun(work)
    if not begun.waits:
        return begun.result
    task = asyncio.current_task()
    assert task is not None
    gone = over = False

    def give_up(watcher: asyncio.Task[None]) -> None:
        nonlocal gone
        if not over and not watcher.cancelled() and watcher.exception() is None:
            gone = True
            task.cancel()

    watcher = asyncio.create_task(_disconnect(receive))
    watcher.add_done_callback(give_up)
    try:
        return await begun
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        over = True
        watcher.cancel()


async def _disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
