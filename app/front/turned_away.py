"""Refused requests that come again: judged by what was understood of them the first time.

In an overload most of what comes has come before, for a caller that was refused tries again, and a retry is the same
bytes. Whether there is room is asked anew every time, and the answer is the usual one, counted and logged as usual.
But to parse, validate and order it anew costs those that are being served more than all the rest of it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

from app.api.direct import TRACED
from app.api.refusals import Written, written
from app.errors import Overloaded, TesseraError
from app.front import request_id
from app.front.journal import Journal, Note
from app.front.limits import Scope

Sent = tuple[str, bytes]
"""The peer's address, and a whole request as it came."""


class Place(Protocol):
    """Of a request that was let in, until the batcher counts it: what comes at that moment shall not have it too."""

    def leave(self) -> None: ...


Judge = Callable[[], Place | Overloaded | None]
"""What becomes of the request, come again now: its place, or why it has to be refused now, too. None: what was
understood of it no longer holds. Raises TesseraError if it cannot tell."""

SENT = "tessera.sent"
"""In the scope of a request that came in one piece, where the server tells it: its Sent."""

JUDGE = "tessera.judge"
"""In the scope of a request that was refused: a Judge."""

PLACE = "tessera.place"
"""In the scope of a request that was refused before and is let in: its Place."""

_MOST_BYTES = 4_096  # of a request: longer ones are rare, and would be dear to keep and to look up


class _Known(NamedTuple):
    """identity: the caller's own; None: each of its requests gets one."""

    judge: Judge
    path: str
    identity: bytes | None
    note: Note


class TurnedAway:
    """For one event loop. most: how many are remembered, the latest."""

    def __init__(self, journal: Journal, most: int = 1_024) -> None:
        self._journal = journal
        self._most = most
        self._known: OrderedDict[Sent, _Known] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def remember(self, scope: Scope, note: Note) -> None:
        """A request that is over, and what noted that. Kept is only what was refused, and has no span made for it."""
        place: Place | None = scope.get(PLACE)
        if place is not None:
            place.leave()
        sent = scope.get(SENT)
        if sent is None or JUDGE not in scope or TRACED in scope or len(sent[1]) > _MOST_BYTES:
            return
        self._known[sent] = _Known(scope[JUDGE], scope["path"], request_id.given(scope), note)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def again(self, sent: Sent) -> Written | Place | None:
        """The refusal, counted and logged, of a request that was refused before and has to be again.

        Or its place, or None if it is not known here: it goes the usual way. What there is room for now is remembered
        all the same: in an overload it comes again, and most often there is none then.
        """
        known = self._known.get(sent) if len(sent[1]) <= _MOST_BYTES else None
        if known is None:
            return None
        began = time.perf_counter()
        try:
            room = known.judge()
        except TesseraError:
            room = None  # the service has changed meanwhile: the usual way tells how
        if isinstance(room, Overloaded):
            self._known.move_to_end(sent)
            return self._refused(room, known, began)
        if room is None:
            del self._known[sent]
        return room

    def _refused(self, refusal: Overloaded, known: _Known, began: float) -> Written:
        self._journal.arrived()
        identity = known.identity or request_id.new()
        answer = written(refusal, known.path, identity)
        known.note(identity.decode(), time.perf_counter() - began, len(answer.body))
        return answer
