"""A real connection tells at once when its client has gone, and then only."""

import asyncio
import socket
import threading
from typing import Any

import pytest

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

        stop = scope[PRESENCE].watch(leave)
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
    told = []
    presence = Presence(lambda: None)
    presence.watch(lambda: told.append("first"))
    stop = presence.watch(lambda: told.append("second"))
    presence.watch(lambda: told.append("third"))
    stop()
    assert not presence.gone
    presence.end()
    assert presence.gone
    assert sorted(told) == ["first", "third"]


def test_who_stops_watching_while_others_are_told_disturbs_nobody() -> None:
    told = []
    presence = Presence(lambda: None)
    stops = [presence.watch(lambda: told.append(stops[0]())) for _ in range(2)]
    presence.end()
    assert told == [None, None]
