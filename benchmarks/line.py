"""One connection of the load client, that carries one request at a time: a plain socket and a selector.

An event loop's transports, handles and tasks cost as much for a small answer as all else that the client does, and on a
machine of two cores what the client takes the service lacks.
"""

import errno
import selectors
import socket
from collections.abc import Callable

import httptools

from benchmarks.plan import CUT, REFUSED, TURNED_AWAY

# What all lines receive into, in turn. What copies of a larger one take, malloc would give back each time.
_BUFFER = memoryview(bytearray(1 << 16))


class Line:
    """over: called once for each `ask`, when the answer is whole or there will be none.

    Then `status` is the answer's, CUT or REFUSED, `size` the bytes of its body, and `open` says whether it may be asked
    again. due, n, asked: the asker's own notes on the request under way.
    """

    def __init__(self, selector: selectors.BaseSelector, address: tuple[str, int], over: Callable[["Line"], None]):
        self.open = True
        self.status = self.size = self.n = 0
        self.retry_after = False
        self.due = self.asked = 0.0
        self._over = over
        self._selector = selector
        self._busy = self._connected = self._whole = self._closes = False
        self._unsent = self._head = b""
        self._parser = httptools.HttpResponseParser(self)
        self._socket = socket.socket()
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._failed = self._socket.connect_ex(address) not in (0, errno.EINPROGRESS)
        self._wanted = selectors.EVENT_WRITE
        selector.register(self._socket, self._wanted, self)

    def ask(self, request: bytes) -> None:
        self._busy = True
        self.size = 0
        self._head = b""
        self._unsent = request
        if self._connected:
            self._send()

    def ready(self, events: int) -> None:
        """Called when the selector says so."""
        if not self._connected and self.open:
            self._failed |= bool(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            if self._failed:
                self._end(REFUSED)
                return
            self._connected = True
            self._send()
            return
        if self.open and events & selectors.EVENT_WRITE and self._unsent:
            self._send()
        if self.open and events & selectors.EVENT_READ:
            self._receive()

    def hang_up(self) -> None:
        """Ends the connection now; whoever waits for an answer is told that it was cut."""
        self._end(CUT)

    # Called by the parser.

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, part: bytes) -> None:
        self.size += len(part)

    def on_message_complete(self) -> None:
        self._whole = True
        self._closes = not self._parser.should_keep_alive()  # known here alone

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._end(CUT)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if wanted != self._wanted:
            self._wanted = wanted
            self._selector.modify(self._socket, wanted, self)

    def _receive(self) -> None:
        try:
            count = self._socket.recv_into(_BUFFER)
            if not count:
                self._end(CUT)
                return
            received = _BUFFER[:count].tobytes()
            if not self.size:
                self._head += received
            self._parser.feed_data(received)
        except BlockingIOError:
            return
        except (OSError, httptools.HttpParserError):
            self._end(CUT)
            return
        if self._whole:
            self._answered()

    def _answered(self) -> None:
        self._whole = False
        self.retry_after = self.status in TURNED_AWAY and b"\r\nretry-after:" in self._head.lower()
        if self._closes:
            self._close()
        self._tell()

    def _end(self, status: int) -> None:
        if self.open:
            self._close()
            self.status, self.size, self.retry_after = status, 0, False
            self._tell()

    def _close(self) -> None:
        self.open = False
        self._selector.unregister(self._socket)
        self._socket.close()

    def _tell(self) -> None:
        if self._busy:
            self._busy = False
            self._over(self)
