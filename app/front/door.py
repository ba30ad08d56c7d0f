"""The HTTP protocol of the service: what was turned away a moment ago is turned away again before it is parsed."""

from functools import lru_cache
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.api.refusals import Written
from app.front.slow_sockets import LimitedProtocol
from app.front.turned_away import PLACE, SENT, TurnedAway


class Door(LimitedProtocol):
    turned_away: ClassVar[TurnedAway]
    _refused_at = 0.0  # last, by the event loop's clock

    @classmethod
    def of(cls, turned_away: TurnedAway, limit_s: float) -> type["Door"]:
        return type("Door", (cls.with_limit(limit_s),), {"turned_away": turned_away})

    def data_received(self, data: bytes) -> None:
        between = self._between_requests()
        sent = (self.client[0] if self.client else "", data)
        known = self.turned_away.again(sent) if between and not self.flow.write_paused else None
        if isinstance(known, Written):
            self._answer(known)
            return
        super().data_received(data)
        if between and self._has_one_request():
            self.scope[SENT] = sent  # type: ignore[literal-required]
            self.scope[PLACE] = known  # type: ignore[literal-required]
        elif known is not None:
            known.leave()

    def _between_requests(self) -> bool:
        """Whether what comes now is the beginning of a request."""
        if self.cycle is None:
            return self._head_bytes == 0
        return self.cycle.response_complete and not self.cycle.more_body and not self._awaits_head

    def _has_one_request(self) -> bool:
        """Whether what came since was one whole request after which the connection stays open, and nothing else."""
        return (
            not self._awaits_head
            and self.cycle is not None
            and self.cycle.keep_alive
            and not self.cycle.response_complete
            and not self.cycle.more_body
            and not self.pipeline
        )

    def _answer(self, refusal: Written) -> None:
        if self._awaits_head:
            self._head_received()
        usual = _usual_fields(*self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[refusal.status], usual, refusal.fields, b"\r\n", refusal.body)))
        if self.transport.get_write_buffer_size():
            self._watch_writes()
        self.server_state.total_requests += 1
        self._refused_at = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_handler()

    def timeout_keep_alive_handler(self) -> None:
        """A refusal does not set the time anew, which costs more than to look, when it is over, how much is left."""
        left = self._refused_at + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)
        else:
            super().timeout_keep_alive_handler()


@lru_cache(maxsize=1)
def _usual_fields(*fields: tuple[bytes, bytes]) -> bytes:
    """As they stand in every head of the server, whose date makes others of them once a second."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
