"""The outermost ASGI layer: id, limits, one log line and one count a request, and the answer to what went wrong."""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from app.api import problems
from app.errors import TesseraError
from app.front import request_id
from app.front.journal import FACTS, Journal
from app.front.limits import BodyLimits, ClientGone, Message, Receive, Scope, receive_whole
from app.front.turned_away import TurnedAway

Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("tessera")

ARRIVED = "tessera.arrived"

CLIENT_CLOSED = 499  # nginx's number, seen in logs and metrics only: nobody was left to receive a status


class Front:
    """app: the whole application. Errors that it raises, where it does not answer them itself, are answered here.

    turned_away: is told which requests were refused. closing: is the process about to end?
    """

    def __init__(
        self,
        app: ASGIApp,
        journal: Journal,
        *,
        body_limits: BodyLimits,
        receive_timeout_s: float,
        turned_away: TurnedAway,
        closing: Callable[[], bool] = lambda: False,
    ) -> None:
        self.app = app
        self._closing = closing
        self._journal = journal
        self._body_limits = body_limits
        self._receive_timeout_s = receive_timeout_s
        self._turned_away = turned_away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        self._journal.arrived()
        scope[ARRIVED] = time.monotonic()
        scope[FACTS] = {}
        identity = request_id.assign(scope)
        answer = _Answer(send, identity, self._closing)
        try:
            receive = await receive_whole(scope, receive, self._body_limits.of(scope), self._receive_timeout_s)
            await self.app(scope, receive, answer.send)
        except ClientGone:
            pass
        except TesseraError as error:
            await problems.problem(error, scope)(scope, receive, answer.send)
        except Exception:
            log.exception("unexpected error", extra={"facts": {"request_id": identity.decode()}})
            if not answer.status:
                await problems.bug(scope)(scope, receive, answer.send)
        finally:
            note = self._journal.ending(scope, answer.status or CLIENT_CLOSED)
            note(request_id.request_id(scope), time.perf_counter() - began, answer.size)
            self._turned_away.remember(scope, note)


class _Answer:
    """Passes the answer on, adding the id and remembering status and size."""

    __slots__ = ("_closing", "_identity", "_send", "size", "status")

    def __init__(self, send: Send, identity: bytes, closing: Callable[[], bool]) -> None:
        self._closing = closing
        self._send = send
        self._identity = identity
        self.status = 0
        self.size = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers: list[Any] = [*message.get("headers", ()), (request_id.HEADER, self._identity)]
            if self._closing():
                headers.append((b"connection", b"close"))  # or the next request could meet the closing port
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            self.size += len(message.get("body", b""))
        await self._send(message)
