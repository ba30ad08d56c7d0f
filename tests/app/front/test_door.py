"""Real sockets: what comes again after it was refused is answered without the application, and nothing else is."""

import select
import socket
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import QueueFull
from app.front.door import Door
from app.front.turned_away import JUDGE

BODY = b'{"n": 16}'
REQUEST = b"POST /generate HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)


class Kitchen:
    """Refuses while it is full, and otherwise answers with the number of requests that came to it. given: places, to
    those that it was judged to have room for; places: how many of them are not left yet."""

    def __init__(self) -> None:
        self.full = True
        self.why = "full"
        self.asked = 0
        self.places = 0
        self.given = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        if self.full:
            scope[JUDGE] = self.judge
            raise QueueFull(self.why, 3)
        answer = b"%d" % self.asked
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def judge(self) -> Any:
        if self.full:
            return QueueFull(self.why, 3)
        self.given += 1
        self.places += 1
        return SimpleNamespace(leave=self.leave)

    def leave(self) -> None:
        self.places -= 1


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def answers(connection: socket.socket, count: int = 1) -> list[tuple[bytes, bytes]]:
    """Head and body of the next so many."""
    received, found = b"", []
    while len(found) < count:
        part = connection.recv(65536)
        assert part, f"closed after {received!r}"
        received += part
        while (end := received.find(b"\r\n\r\n") + 4) > 3:
            head = received[:end].lower()
            size = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(received) < end + size:
                break
            found.append((head, received[end : end + size]))
            received = received[end + size :]
    assert not received
    return found


def ask(connection: socket.socket, request: bytes = REQUEST) -> tuple[bytes, bytes]:
    connection.sendall(request)
    return answers(connection)[0]


def is_silent(connection: socket.socket) -> bool:
    """Whether no answer comes, and so what was sent has come by itself."""
    readable, _, _ = select.select([connection], [], [], 0.1)
    return not readable


def without_id(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if not line.startswith(b"x-request-id")]


def test_a_request_that_comes_again_is_refused_as_before_without_the_application(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, notes), connect(port) as connection:
        first, *again = [ask(connection) for _ in range(4)]
        assert kitchen.asked == 1
        assert first[0].startswith(b"http/1.1 429 ")
        for head, body in again:
            assert without_id(head) == without_id(first[0])
            assert len(body) == len(first[1])
        assert len({head for head, _ in [first, *again]}) == 4, "each has its own id"
        assert notes.wait_for(4) == [("/generate", 429, len(first[1]))] * 4


def test_on_another_connection_too_from_its_first_byte(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen, limit_s=0.4) as (port, notes), connect(port) as one, connect(port) as other:
        ask(one)
        ask(other)
        assert kitchen.asked == 1
        kitchen.full = False
        assert ask(other)[1] == b"2"
        assert len(notes.wait_for(3)) == 3


def test_it_is_served_when_there_is_room_and_refused_anew_when_there_is_none(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        ask(connection)
        kitchen.full = False
        assert ask(connection)[1] == b"2"
        kitchen.full = True
        assert ask(connection)[0].startswith(b"http/1.1 429 ")
        assert kitchen.asked == 2
        assert (kitchen.given, kitchen.places) == (1, 0)


def test_the_place_of_what_is_not_handed_on_is_left_at_once(
    serve: Any, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        ask(connection)
        kitchen.full = False
        monkeypatch.setattr(Door, "_has_one_request", lambda protocol: False)
        assert ask(connection)[1] == b"2"
        assert (kitchen.given, kitchen.places) == (1, 0)


OTHERS = {
    "another body": REQUEST.replace(b"16", b"17"),
    "another header": REQUEST.replace(b"host: x", b"host: y"),
    "closing": REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_request_goes_to_the_application(serve: Any, kitchen: Kitchen, name: str) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        ask(connection)
        ask(connection, OTHERS[name])
        assert kitchen.asked == 2


def test_a_request_after_which_the_connection_closes_is_not_remembered(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, _):
        for _ in range(2):
            with connect(port) as connection:
                ask(connection, OTHERS["closing"])
                assert connection.recv(1) == b""
        assert kitchen.asked == 2


def test_two_in_one_packet_are_two_for_the_application(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        for _ in range(2):
            connection.sendall(REQUEST * 2)
            assert len(answers(connection, 2)) == 2
        assert kitchen.asked == 4


def test_one_that_came_in_pieces_is_not_remembered_but_its_whole_is(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for asked in (1, 2):
            connection.sendall(REQUEST[:-3])
            assert is_silent(connection)
            assert ask(connection, REQUEST[-3:])[0].startswith(b"http/1.1 429 ")
            assert kitchen.asked == asked
        ask(connection)
        ask(connection)
        assert kitchen.asked == 3


def test_bytes_that_only_look_like_it_inside_a_body_are_a_body(serve: Any, kitchen: Kitchen) -> None:
    with serve(kitchen) as (port, _), connect(port) as connection:
        ask(connection)
        connection.sendall(b"POST /generate HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(REQUEST))
        assert is_silent(connection)
        ask(connection)
        assert kitchen.asked == 2


@pytest.mark.parametrize("earlier", [0, 1], ids=["new", "used"])
def test_refused_again_the_connection_lives_on_by_the_usual_limits(serve: Any, kitchen: Kitchen, earlier: int) -> None:
    """A head that never ends is cut after a refusal of this kind as after any answer."""
    with serve(kitchen, limit_s=0.4) as (port, _), connect(port) as other, connect(port) as connection:
        ask(other)
        for _ in range(earlier + 1):
            ask(connection)
        assert kitchen.asked == 1
        connection.sendall(REQUEST[:10])
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("earlier", [0, 1], ids=["new", "used"])
def test_refused_again_the_connection_is_kept_as_after_any_answer(serve: Any, kitchen: Kitchen, earlier: int) -> None:
    with serve(kitchen, keep_alive_s=1.0) as (port, _), connect(port) as other, connect(port) as connection:
        ask(other)
        for _ in range(4 + earlier):
            ask(connection)
            time.sleep(0.4)
        assert kitchen.asked == 1
        assert connection.recv(1) == b"", "nothing more was asked on it"


def test_who_does_not_read_what_it_is_refused_with_is_cut(
    serve: Any, kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while too little waits for it that the transport would say so."""
    monkeypatch.setattr(Door, "pause_writing", lambda protocol: None)
    kitchen.why = "x" * 100_000
    with serve(kitchen, limit_s=0.4, keep_alive_s=60) as (port, notes), connect(port) as lazy:
        ask(lazy)
        for refused in range(2, 200):
            lazy.sendall(REQUEST)
            notes.wait_for(refused)
        time.sleep(3 * 0.4)
        received = b""
        with suppress(ConnectionResetError):
            while part := lazy.recv(65536):
                received += part
    assert received.startswith(b"HTTP/1.1 429 ")
    assert kitchen.asked == 1
