"""The faster of two ways is taken, and a change of fortune is noticed."""

from app.inference.contest import Contest


def run(contest, seconds, times):
    """How often the second way was taken; seconds: of the first, of the second."""
    taken = 0
    for _ in range(times):
        second = contest.second()
        contest.took(second, seconds[second])
        taken += second
    return taken


def test_both_are_tried_before_one_is_preferred():
    assert run(Contest(), (1.0, 1.0), 6) == 3


def test_the_first_run_of_a_way_may_be_slow():
    contest = Contest()
    for second, seconds in [(False, 9.0), (False, 2.0), (False, 2.0), (True, 90.0), (True, 1.0), (True, 1.0)]:
        assert contest.second() is second
        contest.took(second, seconds)
    assert contest.second()


def test_the_faster_is_taken_and_the_slower_tried_now_and_then():
    tries = 2 * 12  # after 8, 16, 32, 64 and then every 100 runs
    assert run(Contest(every=100), (2.0, 1.0), 1000) == 1000 - 3 - tries
    assert run(Contest(every=100), (1.0, 2.0), 1000) == 3 + tries


def test_a_way_that_becomes_slow_is_left():
    contest = Contest(every=100)
    run(contest, (2.0, 1.0), 50)
    assert run(contest, (2.0, 50.0), 49) == 1 + 2 + 2


def test_a_way_that_becomes_fast_again_is_taken_after_its_next_try():
    contest = Contest(every=20)
    run(contest, (2.0, 1.0), 8)
    run(contest, (2.0, 50.0), 100)
    assert run(contest, (2.0, 1.0), 100) >= 70


def test_one_slow_run_does_not_decide_for_long():
    contest = Contest(every=20)
    run(contest, (2.0, 1.0), 8)
    contest.took(True, 100.0)
    assert run(contest, (2.0, 1.0), 100) >= 80


def test_a_way_that_lost_by_one_long_interruption_is_back_soon():
    contest = Contest(every=200)
    run(contest, (2.0, 1.0), 300)
    contest.took(True, 100.0)
    assert run(contest, (2.0, 1.0), 8) == 0
    assert run(contest, (2.0, 1.0), 8) == 8


def test_a_way_that_is_slow_after_a_rest_alone_is_found_to_be_the_faster():
    contest = Contest(every=20)
    run(contest, (1.0, 2.0), 10)
    before, taken = False, []
    for _ in range(100):
        second = contest.second()
        contest.took(second, (0.5 if before else 1.5) if second else 1.0)
        taken.append(second)
        before = second
    assert not any(taken[:4])
    assert taken[-15:].count(True) >= 12
