"""What is noted about a request when it is over: one count and one log line."""

from collections.abc import Callable
from typing import Any, Protocol

from app import logs
from app.front.limits import Scope
from app.front.tracing import trace_id
from app.telemetry import Telemetry

# Set by a route: facts for the log line, such as the model and the number of images.
FACTS = "tessera.facts"

Note = Callable[[str, float, int], None]
"""A request is over: its id, its seconds and the bytes of the answer."""


class Journal(Protocol):
    """Told about every request twice: when it begins and when it is over."""

    def arrived(self) -> None: ...

    def ending(self, scope: Scope, status: int) -> Note:
        """What notes the end of this request, and of every other that comes and is answered as this one was."""


class RequestJournal:
    def __init__(self, telemetry: Telemetry) -> None:
        self.arrived = telemetry.arrived
        self._telemetry = telemetry

    def ending(self, scope: Scope, status: int) -> Note:
        route, client = _route(scope), scope.get("client")
        over = self._telemetry.answered(route, scope["method"], status)
        line: dict[str, Any] = {
            "request_id": "",
            "method": scope["method"],
            "path": scope["path"],
            "status": status,
            "ms": 0.0,
            "bytes": 0,
            "client": client[0] if client else "",
        }
        if trace := trace_id(scope):
            line["trace_id"] = trace
        write = logs.request(route, line | scope[FACTS])

        def note(identity: str, seconds: float, size: int) -> None:
            over(seconds)
            ms = round(seconds * 1e5) / 100  # rounding to decimals costs four times as much
            write({"request_id": identity, "ms": ms, "bytes": size})

        return note


def _route(scope: Scope) -> str:
    """The route's template: a path as sent would make a time series a caller's choice."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "unmatched"
