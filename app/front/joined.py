"""The head of an answer leaves together with the first of its body, as the ASGI specification has it.

uvicorn writes each by itself, and on a small answer that second packet costs both ends as much as all the rest of it.
"""

import asyncio


class Joined:
    """What uvicorn writes one answer to, in place of the connection's transport."""

    __slots__ = ("_head", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head: bytes | None = None  # empty: it has left

    def write(self, data: bytes) -> None:
        if self._head:
            self._transport.writelines((self._head, data))
            self._head = b""
        elif self._head is None and not data.startswith(b"HTTP/1.1 100 "):
            self._head = data
        else:
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        """After the head, if the answer ends before its body has begun."""
        if self._head:
            self._transport.write(self._head)
        self._transport.close()
