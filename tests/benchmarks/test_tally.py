"""Counting and percentiles."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plan import Latency, Stream
from benchmarks.tally import Record, percentile, summarise


def stream(**changes: Any) -> Stream:
    facts: dict[str, Any] = {"name": "s", "bodies": [{}], "connections": 1, "seconds": 10.0}
    return Stream(**facts | changes)


def record(due: float, done: float, status: int = 200, images: int = 2, retry_after: bool = False) -> Record:
    return Record(due, done, status, images, 100, retry_after)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_one_of_the_values_that_enough_do_not_exceed(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share / 100 * len(ordered) - 1e-9
    assert sum(value < found for value in ordered) <= share / 100 * len(ordered) + 1e-9


@pytest.mark.parametrize(("share", "expected"), [(0, 1.0), (50, 50.0), (99, 99.0), (100, 100.0)])
def test_percentiles_of_a_hundred(share: float, expected: float) -> None:
    assert percentile([float(value) for value in range(1, 101)], share) == expected


def test_what_was_due_in_the_warm_up_does_not_count() -> None:
    summary = summarise(stream(warm_up_s=2.0), [record(1.0, 1.5), record(3.0, 3.5), record(4.0, 4.25)])
    assert summary.statuses == {"200": 2}
    assert summary.images == 4
    assert summary.seconds == 8.0
    assert summary.images_per_second == 0.5
    assert summary.served == Latency(0.25, 0.5, 0.5, 0.5)


def test_throughput_counts_what_ended_in_time_and_latency_all() -> None:
    summary = summarise(stream(start_s=5.0, warm_up_s=2.0), [record(6.5, 7.5), record(14.0, 16.0), record(14.0, 14.5)])
    assert summary.images == 4  # the first two that ended between 7 and 15, though one was due before
    assert summary.statuses == {"200": 2}
    assert summary.served.most == 2.0


def test_a_stream_that_ends_after_so_many_requests_counts_its_real_time() -> None:
    assert summarise(stream(requests=2), [record(0.0, 1.0), record(1.0, 4.0)]).seconds == 4.0


def test_nothing_at_all() -> None:
    summary = summarise(stream(), [])
    assert (summary.statuses, summary.images, summary.served) == ({}, 0, Latency())
    assert summary.requests_per_second == 0


def test_refusals_and_failures() -> None:
    answers = [record(0, 1, 429, retry_after=True), record(0, 2, 503), record(0, 3, 504), record(0, 1, 0)]
    summary = summarise(stream(), answers)
    assert summary.without_retry_after == 1
    assert summary.turned_away.most == 2
    assert summary.failed == 2
    assert summary.images == 0
