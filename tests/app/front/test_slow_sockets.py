import socket
import time
from typing import Any

import httpx
import pytest

from app.front.slow_sockets import MAX_HEADER_BYTES

LIMIT_S = 0.4
FLOOD_BYTES = 64 * 1_048_576
HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def flood(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"content-length", str(FLOOD_BYTES).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": bytes(FLOOD_BYTES)})


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def rest_of(connection: socket.socket) -> bytes:
    """Everything until the other end closes; a reset counts as closed."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionResetError:
        pass
    return received


def test_a_connection_that_never_speaks_is_cut(serve: Any) -> None:
    with serve(hello, limit_s=LIMIT_S) as (port, _), connect(port) as silent:
        assert rest_of(silent) == b""


def test_a_header_that_never_ends_is_answered_408_and_cut(serve: Any) -> None:
    with serve(hello, limit_s=LIMIT_S) as (port, notes), connect(port) as slow:
        slow.sendall(HEAD)
        assert rest_of(slow).startswith(b"HTTP/1.1 408 ")
        assert notes.requests == []


def trickle(connection: socket.socket, data: bytes) -> int:
    """Bytes that could be sent, one by one, before the connection was cut."""
    sent = 0
    try:
        for byte in data:
            sent += connection.send(bytes([byte]))
            time.sleep(0.02)
    except OSError:
        pass
    return sent


def test_trickling_does_not_prolong_the_limit(serve: Any) -> None:
    with serve(hello, limit_s=LIMIT_S) as (port, _), connect(port) as slow:
        assert trickle(slow, HEAD * 100) < len(HEAD) * 100


def test_the_limit_holds_for_a_later_request_of_the_connection(serve: Any) -> None:
    with serve(hello, limit_s=LIMIT_S) as (port, notes), connect(port) as slow:
        slow.sendall(HEAD + b"\r\n")
        answer = b""
        while not answer.endswith(b"hello"):
            answer += slow.recv(65536)
        slow.sendall(b"GET / HT")
        assert rest_of(slow).startswith(b"HTTP/1.1 408 ")
        assert len(notes.requests) == 1


def test_the_limit_holds_for_a_request_that_begins_behind_another(serve: Any) -> None:
    with serve(hello, limit_s=LIMIT_S) as (port, notes), connect(port) as slow:
        slow.sendall(HEAD + b"\r\n" + b"GET / HT")
        answer = rest_of(slow)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 408 " in answer
        assert len(notes.requests) == 1


def test_an_idle_connection_between_requests_is_kept(serve: Any) -> None:
    with serve(hello, limit_s=0.1) as (port, _), connect(port) as idle:
        for _ in range(2):
            idle.sendall(HEAD + b"\r\n")
            answer = b""
            while not answer.endswith(b"hello"):
                answer += idle.recv(65536)
            time.sleep(0.3)


@pytest.mark.parametrize("first", [b"", HEAD + b"\r\n"], ids=["first request", "second request"])
def test_headers_over_the_limit_are_refused_whole_or_in_parts(serve: Any, first: bytes) -> None:
    with serve(hello) as (port, notes):
        for parts in (1, 50):
            with connect(port) as big:
                if first:
                    big.sendall(first)
                    answer = b""
                    while not answer.endswith(b"hello"):
                        answer += big.recv(65536)
                served = len(notes.requests)
                head = HEAD + b"x-big: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n"
                step = -(-len(head) // parts)
                for start in range(0, len(head), step):
                    big.sendall(head[start : start + step])
                assert rest_of(big).startswith(b"HTTP/1.1 431 ")
                assert len(notes.requests) == served


def test_a_large_body_is_not_counted_as_headers(serve: Any) -> None:
    with serve(hello, max_body_bytes=1_000_000) as (port, _):
        assert httpx.post(f"http://127.0.0.1:{port}/", content=b"x" * 500_000).status_code == 200


def test_a_reader_that_stops_reading_is_cut(serve: Any) -> None:
    with serve(flood, limit_s=LIMIT_S) as (port, _), connect(port) as lazy:
        lazy.sendall(HEAD + b"\r\n")
        time.sleep(3 * LIMIT_S)
        received = rest_of(lazy)
        assert received.startswith(b"HTTP/1.1 200 ")
        assert len(received) < FLOOD_BYTES


def test_a_slow_but_steady_reader_is_served_to_the_end(serve: Any) -> None:
    with serve(flood, limit_s=1.0) as (port, _), connect(port) as steady:
        steady.sendall(HEAD + b"connection: close\r\n\r\n")
        received = 0
        while part := steady.recv(2 * 1_048_576):
            received += len(part)
            time.sleep(0.02)
        assert received > FLOOD_BYTES


def test_rubbish_is_answered_400(serve: Any) -> None:
    with serve(hello) as (port, _), connect(port) as rubbish:
        rubbish.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert rest_of(rubbish).startswith(b"HTTP/1.1 400 ")


def test_two_hundred_slow_senders_are_all_cut_and_hold_up_nobody(serve: Any) -> None:
    with serve(hello, limit_s=1.0) as (port, notes):
        slow = [connect(port) for _ in range(200)]
        for connection in slow:
            connection.sendall(HEAD)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as good:
            assert [good.get("/").status_code for _ in range(50)] == [200] * 50
        assert all(rest_of(connection).startswith(b"HTTP/1.1 408 ") for connection in slow)
        for connection in slow:
            connection.close()
        assert len(notes.requests) == 50
