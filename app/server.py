"""The uvicorn server: its configuration, the drain after SIGTERM, and the end of a process without its device."""

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn

from app import logs
from app.front.door import Door
from app.front.slow_sockets import LimitedProtocol
from app.lifecycle import Lifecycle
from app.main import Service
from app.settings import Settings

EX_FORCED = 1
EX_DEVICE_LOST = 70  # sysexits.h EX_SOFTWARE; any code but 0 makes a supervisor start the process again
_MARGIN_S = 2.0  # for an orderly end after the grace limit
DEVICE_LOST_DELAY_S = 1.0  # long enough for the waiting requests to be told
_LAST_WORDS_S = 0.5

# Longer than the idle time-out of the usual load balancers (60 s), which would otherwise reuse a connection at the
# moment this end closes it.
_KEEP_ALIVE_S = 65

log = logging.getLogger("tessera")


def config(app: Any, settings: Settings, protocol: type[LimitedProtocol]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
    )


def take_turns() -> None:
    """Where all cores compute images, this thread and those it starts wait until one has had its turn.

    They would interrupt it otherwise, for every request anew; so they do several at a time. On a core that is free
    nothing waits. Only where the system has such a policy, and nobody has chosen another.
    """
    if sys.platform == "linux" and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def end_now(code: int) -> None:
    """Without waiting for threads that still compute, or for whoever should read the log and does not."""
    last_words = threading.Thread(target=logs.flush, daemon=True)
    last_words.start()
    last_words.join(_LAST_WORDS_S)
    os._exit(code)


class Server(uvicorn.Server):
    """First signal: drain (new work is refused for a moment, what was accepted is answered); second: end now."""

    def __init__(self, app: Service, settings: Settings, lifecycle: Lifecycle) -> None:
        super().__init__(config(app, settings, Door.of(app.turned_away, settings.request_receive_timeout_s)))
        self._lifecycle = lifecycle
        self._notice_s = settings.drain_notice_s
        self._grace_s = settings.shutdown_grace_s
        self._draining_since: float | None = None
        lifecycle.on_device_lost(self._end_without_device)

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        take_turns()
        super().run(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining_since is not None:
            end_now(EX_FORCED)
        self._draining_since = time.monotonic()
        self._lifecycle.drain()
        self._end_after(self._notice_s + self._grace_s + _MARGIN_S, EX_FORCED)

    async def on_tick(self, counter: int) -> bool:
        if await super().on_tick(counter):
            return True
        since = self._draining_since
        return since is not None and time.monotonic() - since >= self._notice_s

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but without raising the signal again afterwards: a finished drain is exit code 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self.handle_exit) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _end_without_device(self) -> None:
        """Called from any thread. Nothing is joined: threads inside a dead driver never return."""
        log.critical("device lost: the process ends with code %d", EX_DEVICE_LOST)
        self._end_after(DEVICE_LOST_DELAY_S, EX_DEVICE_LOST)

    def _end_after(self, seconds: float, code: int) -> None:
        """Whatever hangs by then, the process ends."""
        timer = threading.Timer(seconds, end_now, (code,))
        timer.daemon = True
        timer.start()
