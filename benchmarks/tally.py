"""The requests of one stream, counted and put in order of latency."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.plan import TURNED_AWAY, Latency, Stream, Summary


class Record(NamedTuple):
    """due, done: seconds on the plan's clock."""

    due: float
    done: float
    status: int
    images: int
    size: int
    retry_after: bool


def summarise(stream: Stream, records: Sequence[Record]) -> Summary:
    """Counts requests due after the warm-up; throughput counts answers that ended within the stream's time."""
    begin, end = stream.start_s + stream.warm_up_s, stream.start_s + stream.seconds
    counted = [record for record in records if record.due >= begin]
    in_time = [record for record in records if begin <= record.done <= end and record.status == 200]
    if stream.requests and records:
        end = min(end, max(record.done for record in records))
    turned_away = [record for record in counted if record.status in TURNED_AWAY]
    return Summary(
        name=stream.name,
        seconds=max(end - begin, 1e-9),
        statuses={str(status): count for status, count in sorted(Counter(r.status for r in counted).items())},
        images=sum(record.images for record in in_time),
        bytes=sum(record.size for record in in_time),
        served=_latency([record for record in counted if record.status == 200]),
        turned_away=_latency(turned_away),
        without_retry_after=sum(not record.retry_after for record in turned_away),
        records=[list(record[:4]) for record in records] if stream.keep_records else [],
    )


def _latency(records: Sequence[Record]) -> Latency:
    if not records:
        return Latency()
    taken = sorted(record.done - record.due for record in records)
    return Latency(*(percentile(taken, share) for share in (50, 90, 99, 100)))


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest of `ordered` that at least `share` percent do not exceed."""
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]
