"""Receives a request whole, within a time and a size, before anything behind it runs.

Routes then never wait for a slow sender: a request takes a place in the queue only once all of it is here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from app.errors import PayloadTooLarge, ReceiveTimeout
from app.front.begun import Begun

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

FIRST_BYTE = "tessera.first_byte"
"""In the scope, where the server tells it: time.monotonic() when the request began to come."""

# A body a little over the limit is read to its end and thrown away: closing on unread bytes resets the connection, and
# the caller would never see why.
_WORTH_READING = 4 * 1_048_576


@dataclass(frozen=True)
class BodyLimits:
    """Bytes. uploads: for multipart bodies, by the path of the routes that take them."""

    usual: int
    uploads: Mapping[str, int] = field(default_factory=dict)

    def of(self, scope: Scope) -> int:
        most = self.uploads.get(scope["path"].removeprefix(scope.get("root_path", "")))
        return most if most is not None and _is_multipart(scope) else self.usual


class ClientGone(BaseException):
    """The connection closed before the request was whole or answered; nobody is left to answer.

    Not an Exception: no handler on the way to the front shall make an answer of it.
    """


async def receive_whole(scope: Scope, receive: Receive, max_bytes: int, seconds: float) -> Receive:
    """A `receive` that gives the whole body as one message and then passes on to the real one.

    seconds: from the first byte of the request on, for who is slow with the headers shall not be slow again.
    Raises PayloadTooLarge, ReceiveTimeout, ClientGone.
    """
    declared = _declared_size(scope)
    if declared == 0:
        return receive
    if declared is not None and declared > max_bytes + _WORTH_READING:
        raise _too_large(max_bytes)
    collecting = Begun(_collect(receive, max_bytes))
    if collecting.waits:
        try:
            late = time.monotonic() - scope[FIRST_BYTE] if FIRST_BYTE in scope else 0.0
            async with asyncio.timeout(seconds - late):
                await collecting
        except TimeoutError:
            raise ReceiveTimeout(f"the request did not arrive whole within {seconds:g} s") from None
    pending: list[Message] = [{"type": "http.request", "body": collecting.result, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _collect(receive: Receive, max_bytes: int) -> bytes:
    """Reads to the end or to _WORTH_READING past the limit, keeping at most `max_bytes`."""
    parts: list[bytes] = []
    size = 0
    more = True
    while more and size <= max_bytes + _WORTH_READING:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        size += len(part)
        if size <= max_bytes:
            parts.append(part)
        more = message.get("more_body", False)
    if size > max_bytes:
        raise _too_large(max_bytes)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _is_multipart(scope: Scope) -> bool:
    return any(name == b"content-type" and value[:10].lower() == b"multipart/" for name, value in scope["headers"])


def _declared_size(scope: Scope) -> int | None:
    """Content-Length; None when the body's end is only marked in the body (chunked); 0 when there is no body."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else None
        if name == b"transfer-encoding":
            return None
    return 0


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body may have at most {max_bytes} bytes")
