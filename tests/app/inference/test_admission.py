"""Work is accepted only if it can be finished in time, and each client is judged by its fair share."""

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.errors import Overloaded, QueueFull, QuotaExceeded
from app.inference.admission import OVERHEAD_S, USABLE, Admission
from app.inference.backlog import Backlog, Rate

NOW = 1000.0


def admission():
    return Admission(clock=lambda: NOW)


def backlog(**clients):
    queued = Backlog()
    for client, n in clients.items():
        queued.add(client, n)
    return queued


def refusal(n, seconds, client, queued, rate=100.0):
    return admission().refusal(n, NOW + seconds, client, queued, rate)


def test_an_idle_service_takes_what_it_can_finish():
    assert refusal(58, 1, "me", backlog()) is None


def test_it_refuses_at_once_what_it_cannot_finish():
    error = refusal(100, 1, "me", backlog())
    assert error.retry_after == pytest.approx(0.41)
    assert "100 more cannot be made in time: 1.01 s of work, 0.60 s until the deadline" in str(error)


def test_a_client_behind_its_own_work_has_exceeded_its_quota():
    assert isinstance(refusal(10, 1, "me", backlog(me=60)), QuotaExceeded)


def test_a_client_behind_the_work_of_many_meets_a_full_queue():
    crowd = backlog(**{f"client{index}": 20 for index in range(8)})
    assert isinstance(refusal(20, 1, "me", crowd), QueueFull)


def test_a_polite_client_is_not_refused_for_what_a_greedy_one_has_piled_up():
    assert refusal(10, 1, "polite", backlog(greedy=1_000_000)) is None


def test_a_client_with_a_backlog_leaves_room_for_the_next_one():
    assert refusal(1, 1, "greedy", backlog(greedy=19)) is None
    assert isinstance(refusal(1, 1, "greedy", backlog(greedy=20)), QuotaExceeded)
    assert refusal(38, 1, "polite", backlog(greedy=20)) is None


def test_an_unknown_rate_refuses_nothing():
    assert refusal(1000, 0.001, "me", backlog(me=1000), rate=0.0) is None


def test_a_deadline_that_leaves_no_time_for_anything_but_the_images_is_refused():
    assert isinstance(refusal(1, OVERHEAD_S, "me", backlog(), rate=1e6), Overloaded)
    assert refusal(1, 2 * OVERHEAD_S, "me", backlog(), rate=1e6) is None


def test_a_deadline_in_the_past_is_refused():
    assert refusal(1, -5, "me", backlog()).retry_after > 0


@given(
    n=st.integers(1, 500),
    seconds=st.floats(0.001, 30),
    others=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 2000)),
    rate=st.floats(1, 100_000),
)
def test_what_was_refused_is_accepted_after_retry_after_if_nothing_else_comes(n, seconds, others, rate):
    queued = backlog(**others)
    error = refusal(n, seconds, "a", queued, rate)
    assume(error is not None)
    assert error.retry_after >= 0
    assert refusal(n, seconds + error.retry_after / USABLE + 1e-6, "a", queued, rate) is None


def test_the_backlog_counts_by_client_and_forgets_who_is_done():
    queued = backlog(a=5, b=7)
    queued.add("a", 2)
    queued.remove("b", 7)
    assert (queued.images, queued.of("a"), queued.of("b")) == (7, 7, 0)
    assert queued._clients == {"a": 7}


def test_a_place_counts_until_it_is_left_and_is_left_once():
    queued = backlog(a=5)
    place = queued.hold("b", 3)
    assert (queued.images, queued.of("b")) == (8, 3)
    place.leave()
    place.leave()
    assert (queued.images, queued.of("b")) == (5, 0)


def test_a_place_is_left_whatever_comes():
    queued = backlog()
    with suppress(KeyError), queued.hold("a", 3):
        assert queued.images == 3
        raise KeyError
    assert queued.images == 0


def test_fair_sharing_decides_what_goes_first():
    queued = backlog(me=10, small=3, large=1000)
    assert queued.until_done("me", 5) == 15 + 3 + 15


def test_the_rate_follows_what_is_measured():
    rate = Rate(1000.0, memory_s=5.0)
    for _ in range(100):
        rate.observe(50, 0.5)
    assert rate.images_per_second == pytest.approx(100, rel=0.01)


def test_one_slow_batch_does_not_overturn_the_rate():
    rate = Rate(1000.0, memory_s=5.0)
    rate.observe(64, 0.64)
    assert 800 < rate.images_per_second < 1000


def test_an_unknown_rate_is_replaced_by_the_first_measurement():
    rate = Rate(0.0)
    rate.observe(64, 0.5)
    assert rate.images_per_second == 128
    rate = Rate(0.0)
    rate.observe(64, 0.0)
    assert rate.images_per_second > 0
