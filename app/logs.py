"""One JSON object a line on standard output: requests, and whatever the service and its server have to say."""

import json
import logging
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

# Probes and scrapes come every few seconds for ever: neither logged (unless they fail) nor traced.
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})

access = logging.getLogger("tessera.access")


class JSONLines(logging.Formatter):
    """`facts`, a dict given as `extra={"facts": ...}`, is laid into the object."""

    def format(self, record: logging.LogRecord) -> str:
        line = _line(record.created, record.levelno, record.name, record.getMessage())
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encoded(line)


class Lines(logging.StreamHandler[Any]):
    """Writes what is logged, and the lines of requests, in the order in which they come."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self.setFormatter(JSONLines())

    def write(self, line: dict[str, Any]) -> None:
        """As if it had been logged, without the record that logging makes first: four times as dear as the line."""
        try:
            text = _encoded(line) + self.terminator
            with self.lock:  # type: ignore[union-attr]  # there is one from the beginning
                self.stream.write(text)
                self.flush()
        except Exception:  # a log that cannot be written is told as logging tells it, and stops no request
            self.handleError(logging.makeLogRecord({"msg": "request"}))


def configure(level: str) -> None:
    """Sends every logger of the process, the server's too, through one handler."""
    # Facts that no line shows, left ungathered (logging's documentation, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # no frame is looked for
    logging.basicConfig(level=level.upper(), handlers=[Lines()], force=True)


def request(route: str, facts: dict[str, Any]) -> None:
    """The line of one request; that of a quiet route only at level debug, unless it failed."""
    level = logging.DEBUG if route in QUIET_ROUTES and facts["status"] < 500 else logging.INFO
    if not access.isEnabledFor(level):
        return
    match logging.root.handlers:
        case [Lines() as only]:
            only.write(_line(time.time(), level, access.name, "request") | facts)
        case _:
            access.log(level, "request", extra={"facts": facts})


def _line(when: float, level: int, logger: str, message: str) -> dict[str, Any]:
    second, fraction = divmod(when, 1)
    written = f"{_to_the_second(int(second))}.{int(fraction * 1000):03}+00:00"
    return {"time": written, "level": logging.getLevelName(level).lower(), "logger": logger, "message": message}


def _encoded(line: dict[str, Any]) -> str:
    try:
        return to_json(line, ensure_ascii=True, fallback=str).decode()
    except PydanticSerializationError:  # half of a surrogate pair, from the name of a file
        return json.dumps(line, default=str)


@lru_cache(maxsize=1)
def _to_the_second(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).replace(tzinfo=None).isoformat()
