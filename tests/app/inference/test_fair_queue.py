"""Deficit round robin over clients: nothing lost, nothing doubled, nobody starved."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from app.inference.fair_queue import FairQueue


@dataclass(eq=False)
class Job:
    client: str
    n: int
    taken: int = 0
    forward: str = "generate"


def filled(*jobs, quantum=4, slice_=8):
    queue = FairQueue(quantum, slice_)
    for job in jobs:
        queue.push(job)
    return queue


def shares(pieces):
    total = {}
    for piece in pieces:
        total[piece.request.client] = total.get(piece.request.client, 0) + piece.count
    return total


def test_an_empty_queue_gives_nothing():
    assert FairQueue(4, 8).take(10) == []


def test_one_client_is_served_in_order_of_arrival():
    first, second = Job("a", 3), Job("a", 3)
    pieces = filled(first, second).take(5)
    assert [(piece.request, piece.start, piece.count) for piece in pieces] == [(first, 0, 3), (second, 0, 2)]


def test_clients_with_unlimited_work_get_equal_shares():
    queue = filled(Job("greedy", 1000), Job("polite", 100), Job("third", 100))
    assert shares([piece for _ in range(6) for piece in queue.take(10)]) == {"greedy": 20, "polite": 20, "third": 20}


def test_many_requests_buy_no_larger_share():
    greedy = [Job("greedy", 2) for _ in range(50)]
    queue = filled(*greedy, Job("polite", 40))
    taken = shares([piece for _ in range(5) for piece in queue.take(16)])
    assert taken["polite"] == 40


def test_a_client_pays_for_its_refusals_with_up_to_half_of_its_turns():
    queue = filled(Job("greedy", 1000), Job("polite", 1000))
    queue.charge("greedy", 9.5)
    assert shares(queue.take(16)) == {"greedy": 4, "polite": 12}  # pays, has a turn, and pays again
    assert shares(queue.take(16)) == {"greedy": 8, "polite": 8}  # a part of a turn is left


def test_the_requests_of_who_pays_stay_whole():
    greedy = [Job("greedy", 4) for _ in range(4)]
    queue = filled(*greedy, Job("polite", 1000))
    queue.charge("greedy", 6)
    pieces = [piece for _ in range(4) for piece in queue.take(8)]
    assert [(p.request, p.start, p.count) for p in pieces if p.request.client == "greedy"] == [
        (job, 0, 4) for job in greedy
    ]


def test_nobody_pays_where_nobody_else_waits():
    queue = filled(Job("greedy", 100))
    queue.charge("greedy", 100)
    assert shares(queue.take(50)) == {"greedy": 50}


def test_a_client_that_waits_for_nothing_owes_nothing():
    queue = filled(Job("polite", 100))
    queue.charge("gone", 100)
    queue.push(Job("gone", 100))
    assert shares(queue.take(16)) == {"gone": 8, "polite": 8}


def test_old_refusals_are_forgotten():
    queue = filled(Job("greedy", 1000), Job("polite", 1000))
    queue.charge("greedy", 1e9)
    assert shares([piece for _ in range(16) for piece in queue.take(6)]) == {"greedy": 32, "polite": 64}
    assert shares(queue.take(16)) == {"greedy": 8, "polite": 8}


def test_a_client_that_needs_less_than_its_share_leaves_the_rest_to_others():
    queue = filled(Job("greedy", 100), Job("modest", 1))
    assert shares(queue.take(16)) == {"greedy": 15, "modest": 1}


def test_a_turn_cut_short_by_a_full_batch_goes_on_in_the_next():
    queue = filled(Job("a", 8), Job("b", 8), quantum=4)
    assert shares(queue.take(6)) == {"a": 4, "b": 2}
    assert shares(queue.take(2)) == {"b": 2}
    assert shares(queue.take(4)) == {"a": 4}


def test_a_long_request_lets_the_small_ones_of_its_own_client_pass():
    long, small = Job("a", 1024), Job("a", 1)
    queue = filled(long, small, quantum=16, slice_=8)
    pieces = queue.take(16)
    assert [(piece.request, piece.start, piece.count) for piece in pieces] == [
        (long, 0, 8),
        (small, 0, 1),
        (long, 8, 7),
    ]


def test_neighbouring_parts_of_a_request_are_one_piece():
    job = Job("a", 100)
    (piece,) = filled(job, quantum=4, slice_=8).take(32)
    assert (piece.start, piece.count) == (0, 32)


def test_a_discarded_request_is_forgotten_once():
    gone, stays = Job("a", 10), Job("a", 3)
    queue = filled(gone, stays)
    queue.take(4)
    assert queue.discard(gone) == 6
    assert queue.discard(gone) == 0
    assert queue.images == 3
    assert [piece.request for piece in queue.take(100)] == [stays]
    assert queue.discard(stays) == 0


def test_discarding_the_last_request_of_a_client_ends_its_turn():
    a, b = Job("a", 10), Job("b", 10)
    queue = filled(a, b)
    queue.take(2)
    queue.discard(a)
    assert shares(queue.take(4)) == {"b": 4}


@given(
    jobs=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 60)), max_size=12),
    limits=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    quantum=st.integers(1, 20),
    slice_=st.integers(1, 20),
)
def test_every_image_is_handed_out_exactly_once_and_batches_are_as_full_as_can_be(jobs, limits, quantum, slice_):
    requests = [Job(client, n) for client, n in jobs]
    queue = filled(*requests, quantum=quantum, slice_=slice_)
    seen = {id(request): [] for request in requests}
    turn = 0
    while queue.images:
        limit, before = limits[turn % len(limits)], queue.images
        pieces = queue.take(limit)
        assert sum(piece.count for piece in pieces) == min(limit, before)
        for piece in pieces:
            seen[id(piece.request)] += range(piece.start, piece.start + piece.count)
        turn += 1
    assert all(seen[id(request)] == list(range(request.n)) for request in requests)
    assert queue.take(5) == []


@given(clients=st.integers(2, 6), quantum=st.integers(1, 16), batch=st.integers(1, 64), rounds=st.integers(1, 30))
def test_the_shares_of_busy_clients_never_differ_by_more_than_a_quantum(clients, quantum, batch, rounds):
    queue = filled(*[Job(str(client), 10_000) for client in range(clients)], quantum=quantum, slice_=32)
    taken = dict.fromkeys(map(str, range(clients)), 0)
    for _ in range(rounds):
        for client, count in shares(queue.take(batch)).items():
            taken[client] += count
        assert max(taken.values()) - min(taken.values()) <= quantum


def test_what_is_taken_together_is_of_one_kind_and_nobody_loses_a_turn():
    images, code, more = Job("a", 3), Job("b", 2, forward="encode"), Job("c", 3)
    queue = filled(images, code, more, Job("b", 1))
    taken = [[(piece.request.client, piece.request.forward, piece.count) for piece in queue.take(10)] for _ in range(3)]
    assert taken == [
        [("a", "generate", 3)],
        [("b", "encode", 2)],
        [("b", "generate", 1), ("c", "generate", 3)],
    ]
    assert queue.images == 0
    assert queue.take(10) == []


def test_kinds_within_one_client_stay_in_order():
    queue = filled(Job("a", 2), Job("a", 1, forward="encode"), Job("a", 2))
    assert [[piece.count for piece in queue.take(10)] for _ in range(3)] == [[2], [1], [2]]
