"""Who is next: deficit round robin between clients, in images, with long requests cut into slices.

Shreedhar and Varghese 1995, "Efficient fair queueing using deficit round robin". The unit is one image, so a request is
served in parts and a client's turn is never overdrawn. Within a client requests go in order of arrival, but after a
slice of a long one the client's next request has its turn, so that one request of 1,024 images does not hold up the
small ones behind the same address. A client whose refusals cost the others time pays for that with up to half of its
turns, while others wait: with whole ones, or its requests would be cut anywhere, and wait for a part of themselves.
What is taken together is of one kind (one `forward`): whoever is next decides it.
Knows no clock, no thread and no asyncio.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """A request in the queue. `taken` counts the images already handed out; this file advances it."""

    taken: int

    @property
    def client(self) -> str: ...

    @property
    def n(self) -> int: ...

    @property
    def forward(self) -> object: ...


R = TypeVar("R", bound=Waiting)

_MOST_DEBT = 8  # turns: what is older than that is not paid for


@dataclass
class Piece(Generic[R]):
    """`count` images of a request, from its image `start` on."""

    request: R
    start: int
    count: int


class FairQueue(Generic[R]):
    """quantum: images of one client before the next client's turn. slice_: of one request before the client's next."""

    def __init__(self, quantum: int, slice_: int) -> None:
        self.images = 0
        self._quantum = quantum
        self._slice = slice_
        self._lines: OrderedDict[str, _Line[R]] = OrderedDict()  # the first line has its turn

    def push(self, request: R) -> None:
        line = self._lines.get(request.client)
        if line is None:
            line = self._lines[request.client] = _Line()
        line.requests[id(request)] = request
        self.images += request.n - request.taken

    def discard(self, request: R) -> int:
        """Forget a request. Returns how many of its images waited: 0 if it was not here."""
        line = self._lines.get(request.client)
        if line is None or line.requests.pop(id(request), None) is None:
            return 0
        if not line.requests:
            del self._lines[request.client]
        waiting = request.n - request.taken
        self.images -= waiting
        return waiting

    def charge(self, client: str, images: float) -> None:
        """What a waiting client took from all besides its images; forgotten with its last request."""
        if (line := self._lines.get(client)) is not None:
            line.debt = min(line.debt + images, _MOST_DEBT * self._quantum)

    def take(self, limit: int) -> list[Piece[R]]:
        """The next up to `limit` images, of one kind."""
        pieces: list[Piece[R]] = []
        while limit and self._lines:
            client, line = next(iter(self._lines.items()))
            if line.deficit == 0:
                if len(self._lines) > 1 and line.pays(self._quantum):
                    self._lines.move_to_end(client)
                    continue
                line.deficit = self._quantum
            taken = line.take(min(limit, line.deficit), self._slice, pieces)
            if not taken:
                break
            limit -= taken
            line.deficit -= taken
            self.images -= taken
            if not line.requests:
                del self._lines[client]
            elif line.deficit == 0:
                self._lines.move_to_end(client)
        return pieces


class _Line(Generic[R]):
    """One client's requests."""

    def __init__(self) -> None:
        self.requests: OrderedDict[int, R] = OrderedDict()
        self.deficit = 0
        self.debt = 0.0  # images
        self._paid = False  # with its last turn
        self._sliced = 0  # images taken from the first request since its turn began
        self._first: R | None = None

    def pays(self, turn: int) -> bool:
        """With a turn of so many images, if it owes as many and had its last one."""
        self._paid = not self._paid and self.debt >= turn
        if self._paid:
            self.debt -= turn
        return self._paid

    def take(self, count: int, slice_: int, pieces: list[Piece[R]]) -> int:
        left = count
        while left and self.requests:
            key, request = next(iter(self.requests.items()))
            if pieces and request.forward is not pieces[0].request.forward:
                break
            if request is not self._first:
                self._first, self._sliced = request, 0
            taken = min(left, request.n - request.taken, slice_ - self._sliced)
            _append(pieces, request, taken)
            request.taken += taken
            self._sliced += taken
            left -= taken
            if request.taken == request.n:
                del self.requests[key]
            elif self._sliced == slice_:
                self.requests.move_to_end(key)
                self._first = None
        return count - left


def _append(pieces: list[Piece[R]], request: R, count: int) -> None:
    last = pieces[-1] if pieces else None
    if last is not None and last.request is request:
        last.count += count
    else:
        pieces.append(Piece(request, request.taken, count))
