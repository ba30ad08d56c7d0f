import asyncio
import json
import socket
import time
from typing import Any

import httpx
import pytest

from app.errors import QueueFull, ReceiveTimeout
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.front.limits import FIRST_BYTE, receive_whole


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the body and how many messages it came in."""
    messages, body, more = 0, b"", True
    while more:
        message = await receive()
        messages += 1
        body += message.get("body", b"")
        more = message.get("more_body", False)
    scope[FACTS]["echoed"] = len(body)
    answer = str(messages).encode() + b":" + body
    headers = [(b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("a secret of the inside")


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    raise QueueFull("too much", 2.5)


async def half(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]})
    await send({"type": "http.response.body", "body": b"12345", "more_body": True})
    raise RuntimeError("too late for a problem")


def test_the_body_comes_as_one_message_however_it_was_sent(serve: Any) -> None:
    with serve(echo) as (port, _):
        url = f"http://127.0.0.1:{port}/"
        assert httpx.post(url, content=b"x" * 9_000).text == "1:" + "x" * 9_000
        assert httpx.post(url, content=iter([b"ab", b"cd", b"e"])).text == "1:abcde"
        assert httpx.get(url).text == "1:"


@pytest.mark.parametrize("sent", ["abc-123", "a" * 128, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"])
def test_the_callers_request_id_comes_back(serve: Any, sent: str) -> None:
    with serve(echo) as (port, _):
        assert httpx.get(f"http://127.0.0.1:{port}/", headers={"X-Request-ID": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a" * 129, "with space", '"quoted"', "\u00fc", "a;b", "{x}"])
def test_an_id_that_could_do_harm_is_replaced(serve: Any, sent: str) -> None:
    with serve(echo) as (port, _):
        headers = {"X-Request-ID": sent.encode("utf-8")}
        assert len(httpx.get(f"http://127.0.0.1:{port}/", headers=headers).headers["x-request-id"]) == 32


def test_two_requests_without_an_id_get_two(serve: Any) -> None:
    with serve(echo) as (port, _):
        ids = {httpx.get(f"http://127.0.0.1:{port}/").headers["x-request-id"] for _ in range(2)}
        assert len(ids) == 2


@pytest.mark.parametrize("size", [10_001, 2_000_000])
def test_a_body_over_the_limit_is_413_and_the_caller_can_read_it(serve: Any, size: int) -> None:
    with serve(echo) as (port, notes):
        answer = httpx.post(f"http://127.0.0.1:{port}/", content=b"x" * size)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
        assert "10000 bytes" in answer.json()["detail"]
        assert notes.wait_for(1)[0][1] == 413


def test_a_body_of_unknown_length_is_limited_too(serve: Any) -> None:
    with serve(echo) as (port, _):
        answer = httpx.post(f"http://127.0.0.1:{port}/", content=(b"x" * 1000 for _ in range(20)))
        assert answer.status_code == 413
        assert httpx.post(f"http://127.0.0.1:{port}/", content=(b"x" * 1000 for _ in range(10))).status_code == 200


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_a_body_that_does_not_end_is_408(serve: Any, method: str) -> None:
    with serve(echo, limit_s=0.3) as (port, _), socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        slow.sendall(f"{method} / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc".encode())
        answer = b""
        while part := slow.recv(65536):
            answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ")
        problem = json.loads(body)
        assert problem["code"] == "receive_timeout"
        assert problem["request_id"].encode() in head


def test_a_server_tells_when_a_request_began(serve: Any) -> None:
    scopes: list[Any] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        scopes.append((scope[FIRST_BYTE], scope[ARRIVED]))
        await echo(scope, receive, send)

    before = time.monotonic()
    with serve(noting) as (port, _), httpx.Client() as client:
        for _ in range(2):
            client.post(f"http://127.0.0.1:{port}/", content=b"12345")
    (first, arrived), (second, _) = scopes
    assert before <= first <= arrived <= second


def test_time_taken_for_the_headers_is_not_given_again_for_the_body() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    async def receive() -> None:
        scope = {"path": "/", "headers": [(b"content-length", b"5")], FIRST_BYTE: time.monotonic() - 3600}
        await receive_whole(scope, never, 100, 3599)

    with pytest.raises(ReceiveTimeout, match="within 3599 s"):
        asyncio.run(asyncio.wait_for(receive(), 60))


def test_a_client_that_leaves_before_its_body_is_whole_is_noted_and_not_served(serve: Any) -> None:
    with serve(echo) as (port, notes):
        with socket.create_connection(("127.0.0.1", port)) as gone:
            gone.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc")
        assert notes.wait_for(1) == [("/", 499, 0)]


def test_a_bug_is_a_problem_without_its_secrets(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    with serve(broken) as (port, notes):
        answer = httpx.get(f"http://127.0.0.1:{port}/x")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "internal_error"
        assert "secret" not in answer.text
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
        assert notes.wait_for(1)[0][:2] == ("/x", 500)
    record = next(record for record in caplog.records if record.name == "tessera")
    assert record.exc_info is not None
    assert "secret" in str(record.exc_info[1])


def test_an_error_of_the_tree_is_its_problem(serve: Any) -> None:
    with serve(refusing) as (port, notes):
        answer = httpx.get(f"http://127.0.0.1:{port}/x")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "queue_full", "3")
        assert notes.wait_for(1) == [("/x", 429, len(answer.content))]


def test_a_bug_in_the_middle_of_an_answer_cuts_the_connection(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    with serve(half) as (port, notes), pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{port}/")
    assert notes.requests == [("/", 200, 5)]


def test_status_and_size_are_noted(serve: Any) -> None:
    with serve(echo) as (port, notes):
        httpx.post(f"http://127.0.0.1:{port}/path?query=1", content=b"12345")
        assert notes.wait_for(1) == [("/path", 200, 7)]


def test_only_forms_on_upload_routes_may_be_larger(serve: Any) -> None:
    form = {"content-type": "Multipart/Form-Data; boundary=x"}
    with serve(echo) as (port, _):
        url = f"http://127.0.0.1:{port}"
        assert httpx.post(f"{url}/upload", content=b"x" * 30_000, headers=form).status_code == 200
        for path, headers, size in (("/upload", form, 30_001), ("/upload", {}, 10_001), ("/other", form, 10_001)):
            assert httpx.post(url + path, content=b"x" * size, headers=headers).status_code == 413
