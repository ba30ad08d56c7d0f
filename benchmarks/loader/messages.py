"""What goes to the program (a plan) and comes back (records), as plan.c and loops.h have them, in native numbers."""

import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.plan import Plan, Stream
from benchmarks.service import LOOPBACK
from benchmarks.tally import Record
from benchmarks.wire import get, post

_PLAN = struct.Struct("=IdI")  # port, longest answer, streams
_STREAM = struct.Struct("=IQiddq")  # connections, most requests, last status, start, end, arrivals (-1: closed loop)
_SIZE = struct.Struct("=I")
_RECORD = struct.Struct("=ddQIIiI")  # due, done, bytes, stream, request, status, has Retry-After


def pack(plan: Plan) -> bytes:
    parts = [_PLAN.pack(plan.port, plan.longest_answer_s, len(plan.streams))]
    for number, stream in enumerate(plan.streams):
        due = arrivals(stream, number)
        parts += [_head(stream, len(due)), due.tobytes()]
        sent = requests(stream)
        parts.append(_SIZE.pack(len(sent)))
        for request in sent:
            parts += [_SIZE.pack(len(request)), request]
    return b"".join(parts)


def unpack(plan: Plan, told: bytes) -> list[list[Record]]:
    """The records of each stream, in the order in which their requests ended."""
    found: list[list[Record]] = [[] for _ in plan.streams]
    counts = [[images(body) for body in stream.bodies] or [1] for stream in plan.streams]
    for due, done, size, stream, request, status, retry_after in _RECORD.iter_unpack(told):
        n = counts[stream][request] if status > 0 else 0
        found[stream].append(Record(due, done, status, n, size, bool(retry_after)))
    return found


def requests(stream: Stream) -> list[bytes]:
    """The bytes of each request, to be asked in turn."""
    if not stream.bodies:
        return [get(stream.path, LOOPBACK, stream.headers)]
    return [post(stream.path, body, LOOPBACK, stream.headers) for body in stream.bodies]


def arrivals(stream: Stream, number: int) -> NDArray[np.float64]:
    """When the requests of an open loop are due, in order; none in a closed one. number: no two streams of a plan ask
    at the same moments, and one asks at the same every time."""
    if stream.rate is None:
        return np.empty(0)
    expected = stream.rate * stream.seconds
    most = math.ceil(expected + 10 * math.sqrt(expected) + 10)  # that fewer are due in time is as good as certain
    most = min(most, stream.requests or most)
    if stream.even:
        pauses = np.full(most, 1 / stream.rate)
    else:
        pauses = np.random.default_rng(number).exponential(1 / stream.rate, most)
    due = pauses.cumsum()
    return stream.start_s + due[due < stream.seconds]


def images(body: Mapping[str, Any]) -> int:
    """How many images such a request asks for."""
    return int(body.get("n") or len(body.get("seeds", ())) or len(body.get("labels", ())) or 1)


def _head(stream: Stream, due: int) -> bytes:
    end = stream.start_s + stream.seconds
    count = -1 if stream.rate is None else due
    return _STREAM.pack(stream.connections, stream.requests, stream.until_status, stream.start_s, end, count)
