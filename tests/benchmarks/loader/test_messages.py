"""What the load client is told to ask, and when."""

from typing import Any

from benchmarks.loader.messages import arrivals, requests
from benchmarks.plan import Stream
from benchmarks.service import LOOPBACK
from benchmarks.wire import get


def stream(**changes: Any) -> Stream:
    facts: dict[str, Any] = {"name": "s", "bodies": [{"n": 3}], "connections": 2, "seconds": 30.0}
    return Stream(**facts | changes)


def test_a_stream_without_bodies_gets() -> None:
    request = get("/images/a/b.png", "h", {"If-None-Match": '"x"'})
    assert request == b'GET /images/a/b.png HTTP/1.1\r\nHost: h\r\nIf-None-Match: "x"\r\n\r\n'
    assert requests(stream(bodies=[], path="/x")) == [get("/x", LOOPBACK)]


def test_streams_of_a_plan_ask_at_moments_of_their_own() -> None:
    asking = stream(rate=100.0, seconds=100.0)
    one, other = (arrivals(asking, number) for number in (0, 1))
    assert not set(one) & set(other)
    assert list(arrivals(asking, 0)) == list(one)
    for due in (one, other):
        assert 9_500 < len(due) < 10_500
        assert (due[1:] > due[:-1]).all()
        assert 0 < due[0] < due[-1] < 100


def test_no_more_arrive_than_are_asked_for() -> None:
    assert len(arrivals(stream(rate=100.0, requests=7), 0)) == 7
    assert list(arrivals(stream(rate=4.0, even=True, start_s=2.0, seconds=1.0), 0)) == [2.25, 2.5, 2.75]
    assert len(arrivals(stream(), 0)) == 0
