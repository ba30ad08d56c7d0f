"""The HTTP protocol with time limits that an ASGI application cannot set: headers, silence, and unread answers.

uvicorn waits for ever for the rest of a header and for a reader that has stopped reading. Here a connection is cut
when the headers of a request are not whole within `limit_s` of its first byte (of the connection, for the first
request), when they exceed MAX_HEADER_BYTES, and when a waiting answer moved less than MIN_PROGRESS_BYTES in `limit_s`.
Bodies are limited in front/limits.py, which can still answer with a problem document.
"""

import asyncio
import time
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.front.joined import Joined
from app.front.leaving import Leaving
from app.front.limits import FIRST_BYTE
from app.front.presence import PRESENCE, Presence

MAX_HEADER_BYTES = 32_768
MIN_PROGRESS_BYTES = 1_024

_PLAIN = b"content-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: "


class LimitedProtocol(HttpToolsProtocol):
    limit_s: ClassVar[float]
    leaving: ClassVar[Leaving]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._awaits_head = True
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._chunk_bytes = 0
        self._head_bytes = 0  # received since this request began, in whole chunks: an upper bound
        self._unsent = 0

    @classmethod
    def with_limit(cls, seconds: float) -> type["LimitedProtocol"]:
        return type("LimitedProtocol", (cls,), {"limit_s": seconds, "leaving": Leaving()})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._presence = Presence(self.flow.resume_reading, self.leaving)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_received()
        self._stop_watching_writes()
        super().connection_lost(exc)
        self._presence.end()

    def data_received(self, data: bytes) -> None:
        self._chunk_bytes = len(data)
        self._head_bytes += self._chunk_bytes
        super().data_received(data)
        if self._awaits_head:
            self._watch_head()

    def on_message_begin(self) -> None:
        if not self._awaits_head:
            self._awaits_head = True
            self._head_bytes = self._chunk_bytes
        super().on_message_begin()
        self.scope[FIRST_BYTE] = time.monotonic()  # type: ignore[literal-required]
        self.scope[PRESENCE] = self._presence  # type: ignore[literal-required]

    def on_headers_complete(self) -> None:
        self._head_received()
        if self._head_bytes > MAX_HEADER_BYTES and self._size_of_headers() > MAX_HEADER_BYTES:
            self._refuse_headers()
            raise ValueError("headers too large")  # stops the parser: no request is started
        super().on_headers_complete()
        if self.cycle is not None and self.scope["method"] != "HEAD":  # whose answer has a head and nothing else
            self.cycle.transport = Joined(self.transport)  # type: ignore[assignment]

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_writes()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writes()

    def resume_writing(self) -> None:
        self._stop_watching_writes()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _watch_head(self) -> None:
        """Called when what was received has been parsed: a head that came in one piece, as most do, needs no timer."""
        if self._head_bytes > MAX_HEADER_BYTES:
            self._refuse_headers()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.limit_s, self._head_late)

    def _size_of_headers(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _head_received(self) -> None:
        self._awaits_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_late(self) -> None:
        self._head_timer = None
        if self._head_bytes:
            self._refuse(b"408 Request Timeout", b"the request did not arrive in time")
        else:
            self.transport.abort()

    def _refuse_headers(self) -> None:
        self._refuse(b"431 Request Header Fields Too Large", b"the headers are too large")

    def _refuse(self, status: bytes, reason: bytes) -> None:
        self._head_received()
        if self.transport.is_closing():
            return
        self.transport.write(b"HTTP/1.1 %s\r\n%s%d\r\n\r\n%s" % (status, _PLAIN, len(reason), reason))
        self.transport.close()

    def _watch_writes(self) -> None:
        self._stop_watching_writes()
        self._unsent = self.transport.get_write_buffer_size()
        self._write_timer = self.loop.call_later(self.limit_s, self._check_progress)

    def _check_progress(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if not unsent:
            self._write_timer = None
        elif unsent > self._unsent - MIN_PROGRESS_BYTES:
            self.transport.abort()
        else:
            self._watch_writes()

    def _stop_watching_writes(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
