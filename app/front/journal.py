"""What is noted about a request when it is over: one count and one log line."""

from typing import Protocol

from app import logs
from app.front.limits import Scope
from app.front.request_id import request_id
from app.front.tracing import trace_id
from app.telemetry import Telemetry

# Set by a route: facts for the log line, such as the model and the number of images.
FACTS = "tessera.facts"


class Journal(Protocol):
    """Told about every request twice: when it begins and when it is over."""

    def arrived(self) -> None: ...

    def request(self, scope: Scope, status: int, seconds: float, size: int) -> None: ...


class RequestJournal:
    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def arrived(self) -> None:
        self._telemetry.arrived()

    def request(self, scope: Scope, status: int, seconds: float, size: int) -> None:
        route = _route(scope)
        self._telemetry.request(route, scope["method"], status, seconds)
        client = scope.get("client")
        line = {
            "request_id": request_id(scope),
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 2),
            "bytes": size,
            "client": client[0] if client else "",
        }
        if trace := trace_id(scope):
            line["trace_id"] = trace
        logs.request(route, line | scope[FACTS])


def _route(scope: Scope) -> str:
    """The route's template: a path as sent would make a time series a caller's choice."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
