"""A real connection tells at once when its client has gone, and then only."""

import asyncio
import socket
import threading
from functools import partial
from typing import Any

import pytest

from app.front.leaving import Leaving
from app.front.presence import PRESENCE, Presence

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class Waiting:
    """Never answers; says when it has begun and whether the client's going ended it."""

    def __init__(self) -> None:
        self.begun, self.left = threading.Event(), threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        over = asyncio.Event()

        def leave() -> None:
            self.left.set()
            over.set()

        stop = scope[PRESENCE].watch(leave, lambda: None)
        self.begun.set()
        await over.wait()
        stop()


@pytest.mark.parametrize("sent", [ASK, ASK + ASK], ids=["alone", "with another request behind it"])
def test_a_client_that_hangs_up_is_told_of(serve: Any, sent: bytes) -> None:
    waiting = Waiting()
    with serve(waiting) as (port, _):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
            client.sendall(sent)
            assert waiting.begun.wait(10)
            assert not waiting.left.is_set()
        assert waiting.left.wait(10)


def test_all_who_watch_are_told_and_nobody_else() -> None:
    async def main() -> None:
        told = []
        presence = Presence(lambda: None, Leaving())
        presence.watch(lambda: told.append("first"), lambda: None)
        stop = presence.watch(lambda: told.append("second"), lambda: None)
        presence.watch(lambda: told.append("third"), lambda: None)
        stop()
        assert not presence.gone
        presence.end()
        assert presence.gone
        await asyncio.sleep(0)
        assert sorted(told) == ["first", "third"]

    asyncio.run(main())


def test_who_stops_watching_while_others_are_told_disturbs_nobody() -> None:
    async def main() -> None:
        told = []
        presence = Presence(lambda: None, Leaving())
        stops = [presence.watch(lambda: told.append(stops[0]()), lambda: None) for _ in range(2)]
        presence.end()
        await asyncio.sleep(0)
        assert len(told) == 2

    asyncio.run(main())


def test_where_many_leave_together_their_work_is_forsaken_at_once_and_others_are_heard_before_it_has_ended() -> None:
    async def main() -> None:
        leaving, forsaken, left, seen = Leaving(), [], [], []
        for number in range(100):
            presence = Presence(lambda: None, leaving)
            presence.watch(partial(left.append, number), partial(forsaken.append, number))
            presence.end()
        assert forsaken == list(range(100))
        for _ in range(100):
            await asyncio.sleep(0)
            seen.append(len(left))
        assert left == list(range(100))
        assert len(set(seen)) > 10

    asyncio.run(main())


def test_who_leaves_when_all_before_had_left_is_told_too() -> None:
    async def main() -> None:
        leaving, told = Leaving(), []
        for number in range(3):
            leaving.soon(partial(told.append, number))
            await asyncio.sleep(0)
            assert told[-1] == number

    asyncio.run(main())


def test_one_whose_end_fails_holds_up_nobody() -> None:
    async def main() -> None:
        leaving, told = Leaving(), []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        leaving.soon([].pop)
        leaving.soon(partial(told.append, "the next"))
        await asyncio.sleep(0.01)
        leaving.soon(partial(told.append, "a later one"))
        await asyncio.sleep(0.01)
        assert told == ["the next", "a later one"]

    asyncio.run(main())
