"""POST /generate, refused and asked again over a real socket: what the caller, the metrics and the queue see."""

import json
import socket
from typing import Any

import httpx
import pytest

from app import errors
from app.api import orders
from app.settings import Settings

FIELDS = {"n": 3, "seed": 7, "model": "fashion", "timeout_ms": 1500}


def ask(connection: socket.socket, fields: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """In one packet, as most clients send what is small."""
    body = json.dumps(fields).encode()
    connection.sendall(
        b"POST /generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
        % (len(body), body)
    )
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += connection.recv(65536)
    first, *lines = received[:end].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    while len(received) < end + 4 + int(headers["content-length"]):
        received += connection.recv(65536)
    return int(first.split()[1]), headers, received[end + 4 :]


def counted(client: httpx.Client, status: int) -> float:
    name = f'tessera_requests_total{{method="POST",route="/generate",status="{status}"}} '
    lines = client.get("/metrics").text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


@pytest.fixture
def understood(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Requests that went the whole way to an order."""
    bodies: list[Any] = []
    usual = orders.order

    def order(body: Any, form: Any, **facts: Any) -> Any:
        bodies.append(body)
        return usual(body, form, **facts)

    monkeypatch.setattr(orders, "order", order)
    return bodies


def test_asked_again_it_is_refused_as_before_and_served_when_there_is_room(
    client: httpx.Client, registry: Any, admission: Any, understood: list[Any]
) -> None:
    charged, refused = registry.get("fashion").batcher.charged, counted(client, 429)
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as connection:
        admission.refuses = errors.QueueFull("full", 2.5)
        try:
            answers = [ask(connection, FIELDS) for _ in range(3)]
            other = ask(connection, FIELDS | {"seed": 8})
        finally:
            admission.refuses = None
        served = ask(connection, FIELDS)
    assert [len(understood), served[0], served[1]["x-tessera-seeds"]] == [3, 200, "7-9"]
    assert counted(client, 429) - refused == 4
    assert len(charged) == 4
    ids = set()
    for status, headers, body in [*answers, other]:
        problem = json.loads(body)
        ids.add(problem.pop("request_id"))
        assert (status, headers["content-type"], headers["retry-after"]) == (429, "application/problem+json", "3")
        assert problem == {
            "type": "urn:tessera:problem:queue_full",
            "title": "Too much to finish in time",
            "status": 429,
            "code": "queue_full",
            "detail": "full",
            "retry_after": 3,
        }
    assert len(ids) == 4


def test_what_is_wrong_is_never_taken_for_what_was_refused(
    client: httpx.Client, admission: Any, understood: list[Any]
) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as connection:
        admission.refuses = errors.QueueFull("full", 2.5)
        try:
            for _ in range(2):
                status, _, body = ask(connection, FIELDS | {"timeout_ms": 10**9})
                assert (status, json.loads(body)["field"]) == (422, "timeout_ms")
        finally:
            admission.refuses = None
    assert len(understood) == 2


def test_who_is_let_in_is_judged_once(start: Any, paint_model: Any, paint_registry: Any) -> None:
    class Opening:
        def __init__(self) -> None:
            self.verdicts = [errors.QueueFull("full", 2.5), None]

        def refusal(self, *facts: Any) -> errors.Overloaded | None:
            return self.verdicts.pop(0)

    registry = paint_registry(paint_model("fashion"))
    with start(registry, Settings(host="127.0.0.1", port=0), Opening()) as client:
        address = client.base_url.host, client.base_url.port
        with socket.create_connection(address, timeout=10) as connection:
            assert [ask(connection, FIELDS)[0] for _ in range(2)] == [429, 200]
    assert registry.get("fashion").batcher.backlog.images == 0


def test_a_refusal_stays_one_when_its_model_goes_at_that_moment(
    start: Any, paint_model: Any, paint_registry: Any
) -> None:
    registry = paint_registry(paint_model("fashion"), paint_model("avatars"))

    class Closing:
        def refusal(self, *facts: Any) -> errors.Overloaded:
            registry.served = [served for served in registry.served if served.manifest.name != "fashion"]
            return errors.QueueFull("full", 2.5)

    with start(registry, Settings(host="127.0.0.1", port=0), Closing()) as client:
        refused, gone = (client.post("/generate", json={"model": "fashion"}) for _ in range(2))
    assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
    assert gone.status_code == 404
