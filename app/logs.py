"""One JSON object a line on standard output: requests, and whatever the service and its server have to say."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

# Probes and scrapes come every few seconds for ever: neither logged (unless they fail) nor traced.
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})

access = logging.getLogger("tessera.access")


_encode = json.JSONEncoder(default=str).encode


class JSONLines(logging.Formatter):
    """`facts`, a dict given as `extra={"facts": ...}`, is laid into the object."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


def configure(level: str) -> None:
    """Sends every logger of the process, the server's too, through one handler."""
    # Facts that no line shows, left ungathered (logging's documentation, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # no frame is looked for
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JSONLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def request(route: str, facts: dict[str, Any]) -> None:
    """The line of one request; that of a quiet route only at level debug, unless it failed."""
    level = logging.DEBUG if route in QUIET_ROUTES and facts["status"] < 500 else logging.INFO
    if access.isEnabledFor(level):
        access.log(level, "request", extra={"facts": facts})
