"""OpenTelemetry, switched on by the standard variables alone, against a collector of our own."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra otel")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()
        thread.join()


def test_traces_go_to_the_collector_that_the_environment_names(collector: Any, start_painted: Any) -> None:
    endpoint, received = collector
    with start_painted(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint) as running:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        assert running.client.post("/generate", headers=headers).status_code == 200
        running.client.get("/readyz")
        running.signal()
        assert running.exit_code() == 0
    spans = b"".join(body for path, body in received if path == "/v1/traces")
    assert b"POST /generate" in spans
    assert bytes.fromhex(TRACE) in spans  # the caller's trace, not a new one
    assert b"/readyz" not in spans
    assert TRACE in [line.get("trace_id") for line in running.lines]


def test_nothing_is_sent_unless_the_environment_asks_and_the_log_still_names_the_trace(
    collector: Any, start_painted: Any
) -> None:
    _, received = collector
    with start_painted(OTEL_SERVICE_NAME="tessera") as running:
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        assert running.client.post("/generate", headers=headers).status_code == 200
        running.signal()
        assert running.exit_code() == 0
    assert received == []
    assert TRACE in [line.get("trace_id") for line in running.lines]
