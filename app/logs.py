"""One JSON object a line on standard output: requests, and whatever the service and its server have to say.

The lines of requests are made and written a few at a time: where hundreds a second are refused, that takes less from
those that are not. Whatever is logged otherwise is written at once, after what waits.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from pydantic_core import PydanticSerializationError, to_json

# Probes and scrapes come every few seconds for ever: neither logged (unless they fail) nor traced.
QUIET_ROUTES = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})

_SOON_S = 0.1
_MOST_WAITING = 256

_Request = tuple[float, int, Mapping[str, Any], Mapping[str, Any]]
"""When it was over, time.time(); the level; the facts of its line that others share, and those of its own."""

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
        self._waiting: list[_Request] = []

    def write(self, level: int, facts: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """The line of a request, as if it had been logged, without the record that logging makes first: four times as
        dear as the line.

        Within an event loop, it may wait for others for _SOON_S.
        """
        with self.lock:  # type: ignore[union-attr]  # there is one from the beginning
            self._waiting.append((time.time(), level, facts, own))
            waiting = len(self._waiting)
        if waiting >= _MOST_WAITING or (waiting == 1 and not self._later()):
            self._write_waiting()

    def emit(self, record: logging.LogRecord) -> None:
        self._write_waiting()
        super().emit(record)

    def flush(self) -> None:
        """Also called when the interpreter ends."""
        with self.lock:  # type: ignore[union-attr]
            waiting, self._waiting = self._waiting, []
            self.stream.write("".join([_text(*line) + self.terminator for line in waiting]))
            super().flush()

    def _later(self) -> bool:
        """False: there is no event loop here that could be asked to."""
        try:
            asyncio.get_running_loop().call_later(_SOON_S, self._write_waiting)
        except RuntimeError:
            return False
        return True

    def _write_waiting(self) -> None:
        try:
            self.flush()
        except Exception:  # a log that cannot be written is told as logging tells it, and stops no request
            self.handleError(logging.makeLogRecord({"msg": "request"}))


def configure(level: str) -> None:
    """Sends every logger of the process, the server's too, through one handler."""
    # Facts that no line shows, left ungathered (logging's documentation, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # no frame is looked for
    logging.basicConfig(level=level.upper(), handlers=[Lines()], force=True)


def flush() -> None:
    """Writes what waits, before an end at which the interpreter does not."""
    for handler in logging.root.handlers:
        handler.flush()


def request(route: str, facts: dict[str, Any]) -> Callable[[Mapping[str, Any]], None]:
    """What writes the line of a request that has these facts, but for some of its own, which it is told.

    That of a quiet route only at level debug, unless it failed.
    """
    level = logging.DEBUG if route in QUIET_ROUTES and facts["status"] < 500 else logging.INFO
    if not access.isEnabledFor(level):
        return lambda own: None
    match logging.root.handlers:
        case [Lines() as only]:
            return partial(only.write, level, facts)
        case _:
            return lambda own: access.log(level, "request", extra={"facts": {**facts, **own}})


def _text(when: float, level: int, facts: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    second, fraction = divmod(when, 1)
    return f"{_opening(int(second), level) % int(fraction * 1000)}{_encoded({**facts, **own})[1:]}"


def _line(when: float, level: int, logger: str, message: str) -> dict[str, Any]:
    second, fraction = divmod(when, 1)
    written = f"{_to_the_second(int(second))}.{int(fraction * 1000):03}+00:00"
    return {"time": written, "level": logging.getLevelName(level).lower(), "logger": logger, "message": message}


def _encoded(line: dict[str, Any]) -> str:
    try:
        return to_json(line, ensure_ascii=True, fallback=str).decode()
    except PydanticSerializationError:  # half of a surrogate pair, from the name of a file
        return json.dumps(line, default=str)


@lru_cache(maxsize=2)
def _opening(second: int, level: int) -> str:
    """What all lines of requests of this second begin with, but for the milliseconds: made once, half of the line."""
    line = _encoded(_line(second, level, access.name, "request"))
    return line.replace(".000+", ".%03d+", 1).removesuffix("}") + ","


@lru_cache(maxsize=1)
def _to_the_second(when: int) -> str:
    return datetime.fromtimestamp(when, UTC).replace(tzinfo=None).isoformat()
