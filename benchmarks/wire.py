"""One HTTP/1.1 connection in an event loop, one request at a time: for benchmarks that keep what is answered."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import httptools


class Cut(Exception):
    """The connection ended before the answer was complete, or could not be made."""


class Answer(NamedTuple):
    """fields: headers as they came. size: bytes of the body. body: empty unless the connection keeps bodies."""

    status: int
    fields: Sequence[tuple[bytes, bytes]]
    size: int
    body: bytes

    @property
    def headers(self) -> Mapping[str, str]:
        """By name in lower case."""
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.fields}


class Connection(asyncio.Protocol):
    """Made by `connect`. After Cut, or an answer that closes the connection, `open` is False."""

    def __init__(self, keep_bodies: bool) -> None:
        self.open = True
        self._keep_bodies = keep_bodies
        self._answered: asyncio.Future[Answer] | None = None
        self._begin_answer()
        self._parser = httptools.HttpResponseParser(self)

    async def ask(self, request: bytes) -> Answer:
        """Raises Cut."""
        if not self.open:
            raise Cut("the connection is closed")
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answered

    def hang_up(self) -> None:
        """Ends the connection now, whatever is under way."""
        self.open = False
        self._transport.abort()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.hang_up()
            self._cut(f"not HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self.open = False
        self._cut(str(error or "closed by the server"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._keep_bodies:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._fields, self._size, b"".join(self._parts))
        if not self._parser.should_keep_alive():
            self.open = False
            self._transport.close()
        self._begin_answer()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(answer)

    def _begin_answer(self) -> None:
        self._fields: list[tuple[bytes, bytes]] = []
        self._parts: list[bytes] = []
        self._size = 0

    def _cut(self, reason: str) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(Cut(reason))


async def connect(host: str, port: int, *, keep_bodies: bool = False) -> Connection:
    """Raises Cut."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(keep_bodies), host, port)
    except OSError as error:
        raise Cut(str(error)) from error
    return connection


def get(path: str, host: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a GET request."""
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **(headers or {})}.items())
    return f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()


def post(path: str, body: Mapping[str, Any], host: str, headers: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a POST request with a JSON body."""
    content = json.dumps(body).encode()
    lines = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content
