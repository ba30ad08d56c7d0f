"""What load to make, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CUT, REFUSED = 0, -1  # instead of a status: cut before the answer was complete; no connection
TURNED_AWAY = (429, 503)


@dataclass(frozen=True)
class Stream:
    """One kind of asking.

    bodies: JSON bodies, posted in turn; none: the path is got instead. rate: requests per second whatever the
    answers (open loop, arrivals as a Poisson process unless `even`); None: each connection asks again as soon as it was
    answered (closed loop). connections: how many; in an open loop the most. start_s, seconds: when it begins and how
    long it lasts. warm_up_s: what arrives in the first seconds is not counted. requests: ends the stream early; 0:
    never. until_status: a connection that is answered so, or is cut, asks no more; 0: it goes on. keep_records: the
    summary holds every request.
    """

    name: str
    bodies: Sequence[Mapping[str, Any]]
    connections: int
    seconds: float
    path: str = "/generate"
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: float | None = None
    even: bool = False
    start_s: float = 0.0
    warm_up_s: float = 0.0
    requests: int = 0
    until_status: int = 0
    keep_records: bool = False


@dataclass(frozen=True)
class Plan:
    """Streams that run at the same time against one server of this machine. longest_answer_s: then it is hung up."""

    port: int
    streams: Sequence[Stream]
    longest_answer_s: float = 60.0


@dataclass(frozen=True)
class Latency:
    """Seconds, from when a request was due (so that a stalled client hides nothing) to the end of its answer."""

    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0


@dataclass(frozen=True)
class Summary:
    """What came of a stream.

    seconds: how long was counted. statuses: answers by status (as text), CUT and REFUSED among them. images: in the
    answers with status 200 that ended in the counted time. served, turned_away: latency of 200 and of 429 or 503.
    without_retry_after: answers 429 or 503 that lack the header. records: [due, done, status, images] of each
    request, seconds from the start of the plan, if they were kept.
    """

    name: str
    seconds: float
    statuses: Mapping[str, int]
    images: int
    bytes: int
    served: Latency
    turned_away: Latency
    without_retry_after: int
    records: Sequence[Sequence[float]]

    @property
    def images_per_second(self) -> float:
        return self.images / self.seconds

    @property
    def requests_per_second(self) -> float:
        return self.statuses.get("200", 0) / self.seconds

    @property
    def failed(self) -> int:
        """Requests that were neither served nor turned away."""
        return sum(count for status, count in self.statuses.items() if status not in ("200", "429", "503"))
