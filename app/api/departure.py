"""Work for a request, given up the moment its client has gone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from app.front.begun import Begun
from app.front.limits import ClientGone, Receive, Scope
from app.front.presence import PRESENCE, Presence

T = TypeVar("T")


async def unless_gone(scope: Scope, receive: Receive, work: Coroutine[Any, Any, T]) -> T:
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

    def leave() -> None:
        nonlocal gone
        if not over:
            gone = True
            task.cancel()

    presence = scope.get(PRESENCE)
    stop = _asking(receive, leave) if presence is None else _told(presence, leave, begun.forsake)
    try:
        return await begun
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        over = True
        stop()


def _told(presence: Presence, leave: Callable[[], None], forsake: Callable[[], None]) -> Callable[[], object]:
    if presence.gone:
        leave()
    return presence.watch(leave, forsake)


def _asking(receive: Receive, leave: Callable[[], None]) -> Callable[[], object]:
    """Under a server that does not tell."""

    def over(watcher: asyncio.Task[None]) -> None:
        if not watcher.cancelled() and watcher.exception() is None:
            leave()

    watcher = asyncio.create_task(_disconnect(receive))
    watcher.add_done_callback(over)
    return watcher.cancel


async def _disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
