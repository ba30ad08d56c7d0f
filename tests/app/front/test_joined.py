"""What leaves in one packet is seen by a transport that keeps its writes; what clients see, by real sockets."""

import socket
from typing import Any

import httpx
import pytest

from app.front.joined import Joined


class Kept:
    """A transport that keeps what it is given, each write a list of its parts."""

    def __init__(self) -> None:
        self.writes: list[list[bytes]] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append([data])

    def writelines(self, parts: Any) -> None:
        self.writes.append(list(parts))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def written(*data: bytes, close: bool = False) -> list[list[bytes]]:
    transport = Kept()
    joined = Joined(transport)  # type: ignore[arg-type]
    for part in data:
        joined.write(part)
    if close:
        joined.close()
    assert joined.is_closing() == close
    return transport.writes


def test_the_head_leaves_with_the_first_of_the_body() -> None:
    assert written(b"head", b"one", b"two", b"") == [[b"head", b"one"], [b"two"], [b""]]
    assert written(b"head") == []


def test_an_answer_without_a_body_is_a_head_all_the_same() -> None:
    assert written(b"head", b"") == [[b"head", b""]]
    assert written(b"head", close=True) == [[b"head"]]
    assert written(b"head", b"body", close=True) == [[b"head", b"body"]]


def test_leave_to_go_on_is_given_at_once() -> None:
    leave = b"HTTP/1.1 100 Continue\r\n\r\n"
    assert written(leave, b"head", b"body") == [[leave], [b"head", b"body"]]


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 304, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def pieces(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for piece in (b"a", b"", b"bc"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def half(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    raise RuntimeError("before the body")


def test_over_a_socket_answers_are_what_they_were(serve: Any) -> None:
    with serve(nothing) as (port, _), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert [client.get("/").status_code for _ in range(2)] == [304, 304]
    with serve(pieces) as (port, _), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert [client.get("/").text for _ in range(2)] == ["abc", "abc"]
        heads = [client.head("/") for _ in range(2)]
        assert [(head.status_code, head.text) for head in heads] == [(200, ""), (200, "")]


def test_over_a_socket_the_client_is_told_to_go_on(serve: Any) -> None:
    with serve(pieces) as (port, _), socket.create_connection(("127.0.0.1", port), timeout=10) as patient:
        patient.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n")
        assert patient.recv(65536).startswith(b"HTTP/1.1 100 ")
        patient.sendall(b"x")
        assert patient.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_an_answer_that_ends_after_its_head_is_cut(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    with serve(half) as (port, notes), pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{port}/")
    assert notes.requests == [("/", 200, 0)]
