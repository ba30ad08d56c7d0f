"""The load client against a real server that answers as it is told."""

import asyncio
import json
from typing import Any

import pytest

from benchmarks import client
from benchmarks.plan import CUT, REFUSED, Plan, Stream, Summary
from benchmarks.service import LOOPBACK, free_port
from tests.benchmarks.marks import on_linux

pytestmark = on_linux

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"
BUSY = b"HTTP/1.1 429 Too Many\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
SILENT_BUSY = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd"


class Told:
    """Sends the answers it was given in turn, and keeps the requests."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.bodies: list[Any] = []
        self.heads: list[str] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                (length,) = (int(line.split(":")[1]) for line in head.splitlines() if line.startswith("Content-Length"))
                self.bodies.append(json.loads(await reader.readexactly(length)))
                self.heads.append(head)
                answer = self.answers[(len(self.bodies) - 1) % len(self.answers)]
                await self.send(writer, answer)
                if answer != CHUNKED and (b"close" in answer or not answer.endswith((b"\r\n\r\n", b"abcd"))):
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)


class Dripping(Told):
    """A byte at a time."""

    async def send(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        for byte in answer:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.001)


def load(server: Told, *streams: Stream, **changes: Any) -> list[Summary]:
    async def both() -> list[Summary]:
        listening = await asyncio.start_server(server, LOOPBACK, 0)
        async with listening:
            return await asyncio.to_thread(measure, listening.sockets[0].getsockname()[1], *streams, **changes)

    return asyncio.run(both())


def measure(port: int, *streams: Stream, **changes: Any) -> list[Summary]:
    made = client.start(Plan(port, streams, **changes))
    assert made.process.wait(60) == 0, "it ends by itself, before anybody has asked what it found"
    return client.collect(made)


def stream(**changes: Any) -> Stream:
    facts: dict[str, Any] = {"name": "s", "bodies": [{"n": 3}], "connections": 2, "seconds": 30.0, "requests": 10}
    return Stream(**facts | changes)


def test_a_closed_loop_asks_again_on_the_same_connections() -> None:
    server = Told(OK)
    (summary,) = load(server, stream())
    assert sum(summary.statuses.values()) == summary.statuses["200"] == len(server.bodies)
    assert 10 <= len(server.bodies) <= 11  # the second connection may have been at it already
    assert server.connections == 2
    assert summary.images == 3 * len(server.bodies)
    assert summary.bytes == 4 * len(server.bodies)
    assert 0 < summary.served.p50 <= summary.served.p99 <= summary.served.most


def test_it_ends_also_when_it_has_much_to_tell() -> None:
    (summary,) = load(Told(OK), stream(connections=4, requests=3_000))
    assert summary.statuses["200"] >= 3_000


def test_an_open_loop_asks_whatever_the_answers() -> None:
    server = Told(OK)
    (summary,) = load(server, stream(rate=500.0, even=True, connections=50))
    assert summary.statuses == {"200": 10}


def test_an_open_loop_waits_for_a_free_connection_and_counts_from_when_it_was_due() -> None:
    server = Told(OK)
    even = stream(rate=100_000.0, even=True, connections=2, requests=50, keep_records=True)
    (summary,) = load(server, even)
    assert (summary.statuses, server.connections) == ({"200": 50}, 2)
    assert [round(due * 100_000) for due, *_ in sorted(summary.records)] == list(range(1, 51))


@pytest.mark.parametrize("answer", [CLOSING, b""])
def test_an_open_loop_goes_on_after_a_connection_has_ended(answer: bytes) -> None:
    (summary,) = load(Told(answer), stream(rate=2000.0, connections=2))
    assert summary.statuses == {"200" if answer else str(CUT): 10}


def test_an_open_loop_against_a_port_where_nobody_listens() -> None:
    (summary,) = client.measure(free_port(), stream(rate=2000.0, connections=2))
    assert summary.statuses == {str(REFUSED): 10}


def test_bodies_go_round_and_headers_are_sent() -> None:
    server = Told(OK)
    bodies = [{"n": 1}, {"seeds": [4, 5]}, {"labels": ["a", "b", "c"]}, {}]
    (summary,) = load(server, stream(bodies=bodies, connections=1, requests=8, headers={"X-API-Key": "k"}))
    assert server.bodies == bodies * 2
    assert all("X-API-Key: k\r\n" in head for head in server.heads)
    assert summary.images == 2 * (1 + 2 + 3 + 1)


def test_a_request_larger_than_the_sockets_buffer_leaves_whole() -> None:
    server = Told(OK)
    body = {"seeds": list(range(1_000_000))}
    (summary,) = load(server, stream(bodies=[body], connections=1, requests=2))
    assert server.bodies == [body] * 2
    assert summary.statuses == {"200": 2}


@pytest.mark.parametrize("rate", [None, 2000.0], ids=["closed", "open"])
def test_where_no_answer_comes_it_hangs_up(rate: float | None) -> None:
    (summary,) = load(Told(HALF), stream(connections=2, requests=2, rate=rate), longest_answer_s=0.1)
    assert summary.statuses == {str(CUT): 2}


def test_a_chunked_answer_is_whole() -> None:
    (summary,) = load(Told(CHUNKED), stream(connections=1))
    assert (summary.statuses, summary.bytes) == ({"200": 10}, 40)


@pytest.mark.parametrize(
    "answer", [OK, CHUNKED, b"HTTP/1.1 100 Continue\r\n\r\n" + OK], ids=["sized", "chunked", "100"]
)
def test_an_answer_in_many_pieces_is_one(answer: bytes) -> None:
    (summary,) = load(Dripping(answer), stream(connections=1, requests=2))
    assert (summary.statuses, summary.bytes) == ({"200": 2}, 8)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_needs_no_length(status: int) -> None:
    server = Told(b"HTTP/1.1 %d -\r\n\r\n" % status)
    (summary,) = load(server, stream(connections=1, requests=3))
    assert (summary.statuses, server.connections) == ({str(status): 3}, 1)


def test_two_answers_to_one_request_are_none() -> None:
    (summary,) = load(Told(OK + OK), stream(connections=1, requests=1))
    assert summary.statuses == {str(CUT): 1}


def test_refusals_are_counted_apart_and_those_without_retry_after_are_told() -> None:
    (summary,) = load(Told(OK, BUSY, SILENT_BUSY), stream(connections=1, requests=9))
    assert summary.statuses == {"200": 3, "429": 3, "503": 3}
    assert summary.without_retry_after == 3
    assert summary.images == 9
    assert summary.failed == 0
    assert summary.turned_away.p50 > 0


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab", b"", b"what?\r\n", b"HTTP/1.1 200 OK\r\n\r\nab"]
)
def test_half_an_answer_counts_as_cut(answer: bytes) -> None:
    (summary,) = load(Told(answer), stream(connections=1, requests=2))
    assert summary.statuses == {str(CUT): 2}
    assert summary.failed == 2
    assert summary.images == 0


def test_after_an_answer_that_closes_a_new_connection_is_made() -> None:
    server = Told(CLOSING)
    (summary,) = load(server, stream(connections=1, requests=3))
    assert summary.statuses == {"200": 3}
    assert server.connections == 3


def test_a_port_where_nobody_listens() -> None:
    (summary,) = client.measure(free_port(), stream(connections=1, requests=2))
    assert summary.statuses == {str(REFUSED): 2}


def test_a_connection_stops_at_the_status_it_waits_for() -> None:
    server = Told(OK, OK, SILENT_BUSY)
    (summary,) = load(server, stream(connections=1, requests=0, until_status=503))
    assert summary.statuses == {"200": 2, "503": 1}


def test_streams_run_side_by_side_and_keep_their_own_counts() -> None:
    summaries = load(Told(OK), stream(name="a", connections=1), stream(name="b", connections=1, requests=4))
    assert [(summary.name, summary.statuses) for summary in summaries] == [("a", {"200": 10}), ("b", {"200": 4})]


def test_records_are_kept_on_demand() -> None:
    kept, dropped = load(Told(OK), stream(connections=1, keep_records=True), stream())
    assert [(status, n) for _, _, status, n in kept.records] == [(200, 3)] * 10
    assert all(done >= due >= 0 for due, done, _, _ in kept.records)
    assert dropped.records == []


def test_a_client_that_fails_is_told() -> None:
    load = client.start(Plan(free_port(), [stream(requests=0)]))
    load.process.kill()
    with pytest.raises(RuntimeError, match="load client"):
        client.collect(load)


def test_one_that_is_given_up_has_ended() -> None:
    load = client.start(Plan(free_port(), [stream(requests=0)]))
    client.give_up(load)
    assert load.process.returncode != 0
    assert load.told.closed
