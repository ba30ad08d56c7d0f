"""The batcher with an engine that the test holds at a gate: who is computed with whom, and who is not computed."""

import asyncio
import contextlib
import threading
import time

import numpy as np
import pytest

from app.errors import DeadlineExceeded, DeviceLost, Draining, EngineFailed, QueueFull
from app.inference.batcher import Batcher
from app.inference.jobs import Batch, Request, Spent
from app.inference.worker import Worker

FAR = 60.0


class GatedEngine:
    """Image i of a request is its latent's first two numbers. `open()` lets everything pass."""

    def __init__(self, *, gated=True):
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.gated = gated
        self.poison = set()
        self.fail_next = []

    def __call__(self, z, label):
        assert z.dtype == np.float32
        assert label.dtype == np.int64
        assert len(z) == len(label)
        self.batches.append([tuple(row) for row in z.astype(int).tolist()])
        self.entered.release()
        if self.gated:
            self.gate.acquire()
        if self.fail_next:
            raise self.fail_next.pop(0)
        if any(row[0] in self.poison for row in self.batches[-1]):
            raise RuntimeError("poisoned")
        return z.astype(np.uint8).reshape(len(z), 1, 1, 2)

    def open(self):
        self.gated = False
        self.gate.release()

    @property
    def computed(self):
        return [row for batch in self.batches for row in batch]


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self):
        self.events = []

    def __getattr__(self, name):
        return lambda *args: self.events.append((name, *args))

    def of(self, name):
        return [event[1:] for event in self.events if event[0] == name]


def order(number, n):
    z = np.stack([np.full(n, number), np.arange(n)], axis=1).astype(np.float32)
    return z, np.full(n, number, np.int64)


def expected(number, n):
    return np.stack([np.full(n, number), np.arange(n)], axis=1).astype(np.uint8).reshape(n, 1, 1, 2)


def submit(batcher, number, n=1, *, client="me", seconds=FAR):
    return asyncio.ensure_future(batcher.submit(*order(number, n), deadline=time.monotonic() + seconds, client=client))


async def entered(engine):
    """Wait until the engine is at its gate."""
    await asyncio.to_thread(engine.entered.acquire)
    await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(engine, **settings):
    batcher = Batcher(engine, **({"max_batch_size": 4} | settings))
    await batcher.start()
    try:
        yield batcher
    finally:
        engine.open()
        batcher.stop()


def test_a_request_gets_its_own_images():
    async def go():
        async with running(GatedEngine(gated=False)) as batcher:
            np.testing.assert_array_equal(await submit(batcher, 7, 3), expected(7, 3))

    asyncio.run(go())


def test_what_waits_when_the_engine_is_free_goes_together():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            rest = [submit(batcher, number) for number in (2, 3, 4)]
            await asyncio.sleep(0)
            engine.open()
            await asyncio.gather(first, *rest)
        assert engine.batches == [[(1, 0)], [(2, 0), (3, 0), (4, 0)]]

    asyncio.run(go())


def test_a_large_request_is_split_and_small_ones_go_in_between():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            large = submit(batcher, 1, 40)
            await entered(engine)
            small = submit(batcher, 2, 1, client="other")
            await asyncio.sleep(0)
            engine.open()
            np.testing.assert_array_equal(await small, expected(2, 1))
            np.testing.assert_array_equal(await large, expected(1, 40))
        assert next(index for index, batch in enumerate(engine.batches) if (2, 0) in batch) <= 2
        assert max(map(len, engine.batches)) <= 4

    asyncio.run(go())


def test_the_next_full_batch_is_ready_while_the_engine_works():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            work = [submit(batcher, 1, 9)]
            await entered(engine)
            await asyncio.sleep(0.01)
            assert batcher._worker._ready is None or batcher._worker._ready.size == 4
            work.append(submit(batcher, 2, 4))
            await asyncio.sleep(0)
            assert batcher._worker._ready.size == 4
            assert batcher.queued_images == 9
            engine.open()
            await asyncio.gather(*work)

    asyncio.run(go())


def test_a_partial_batch_waits_for_more_if_told_to():
    async def go():
        engine = GatedEngine(gated=False)
        async with running(engine, max_wait_ms=10_000) as batcher:
            work = [submit(batcher, number) for number in (1, 2, 3)]
            await asyncio.sleep(0.05)
            assert engine.batches == []
            work.append(submit(batcher, 4))
            await asyncio.gather(*work)
        assert engine.batches == [[(1, 0), (2, 0), (3, 0), (4, 0)]]

    asyncio.run(go())


def test_a_partial_batch_goes_when_it_has_waited_long_enough():
    async def go():
        engine = GatedEngine(gated=False)
        async with running(engine, max_wait_ms=20) as batcher:
            await asyncio.gather(submit(batcher, 1), submit(batcher, 2))
        assert engine.batches == [[(1, 0), (2, 0)]]

    asyncio.run(go())


def test_a_full_queue_refuses_and_says_when_to_come_back():
    async def go():
        engine, notes = GatedEngine(), Notes()
        async with running(engine, max_queue_images=8, observer=notes, images_per_second=2.0) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            fits = submit(batcher, 2, 8)
            await asyncio.sleep(0)
            with pytest.raises(QueueFull) as caught:
                await submit(batcher, 3, 2)
            assert caught.value.retry_after == 1.0
            assert notes.of("rejected") == [("queue_full", 2)]
            engine.open()
            await asyncio.gather(first, fits)
        assert not any(row[0] == 3 for row in engine.computed)

    asyncio.run(go())


def test_a_request_larger_than_the_queue_is_refused_even_when_idle():
    async def go():
        async with running(GatedEngine(gated=False), max_queue_images=8) as batcher:
            with pytest.raises(QueueFull):
                await submit(batcher, 1, 9)

    asyncio.run(go())


def test_work_whose_client_has_gone_is_not_computed_and_its_places_are_free_at_once():
    async def go():
        engine, notes = GatedEngine(), Notes()
        async with running(engine, max_queue_images=1000, observer=notes) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            gone = [submit(batcher, number, client=str(number)) for number in range(2, 1002)]
            await asyncio.sleep(0)
            assert batcher.queued_images == 1000
            for task in gone:
                task.cancel()
            await asyncio.gather(*gone, return_exceptions=True)
            assert batcher.queued_images == 0
            stays = submit(batcher, 5, 1)
            engine.open()
            await asyncio.gather(first, stays)
        assert engine.computed == [(1, 0), (5, 0)]
        assert sum(n for (n,) in notes.of("cancelled")) == 1000

    asyncio.run(go())


def test_the_rest_of_a_large_request_is_dropped_when_its_client_goes():
    async def go():
        engine, notes = GatedEngine(), Notes()
        async with running(engine, observer=notes) as batcher:
            large = submit(batcher, 1, 40)
            await entered(engine)
            large.cancel()
            with pytest.raises(asyncio.CancelledError):
                await large
            after = submit(batcher, 2)
            engine.open()
            await after
        assert engine.batches == [[(1, 0), (1, 1), (1, 2), (1, 3)], [(2, 0)]]
        assert notes.of("cancelled") == [(36,)]
        assert batcher.backlog.images == 0

    asyncio.run(go())


def test_a_request_past_its_deadline_is_answered_at_the_deadline_and_never_computed():
    async def go():
        engine, notes = GatedEngine(), Notes()
        async with running(engine, observer=notes) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            late = submit(batcher, 2, 3, seconds=0.02)
            with pytest.raises(DeadlineExceeded):
                await late
            assert batcher.queued_images == 0
            engine.open()
            await first
        assert engine.computed == [(1, 0)]
        assert notes.of("rejected") == [("deadline_exceeded", 3)]

    asyncio.run(go())


def test_the_deadline_holds_while_the_images_are_being_computed():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            task = submit(batcher, 1, seconds=0.02)
            await entered(engine)
            with pytest.raises(DeadlineExceeded):
                await task
            engine.open()
            np.testing.assert_array_equal(await submit(batcher, 2), expected(2, 1))

    asyncio.run(go())


def test_a_deadline_in_the_past_is_not_even_queued():
    async def go():
        engine = GatedEngine(gated=False)
        async with running(engine) as batcher:
            with pytest.raises(DeadlineExceeded):
                await submit(batcher, 1, seconds=-1)
        assert engine.batches == []

    asyncio.run(go())


def test_expired_work_is_dropped_even_when_the_event_loop_is_too_busy_to_notice():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            late = submit(batcher, 2, seconds=0.01)
            await asyncio.sleep(0)
            time.sleep(0.03)
            engine.open()
            time.sleep(0.03)  # the engine is free now, and the loop has not run its timers
            with pytest.raises(DeadlineExceeded):
                await late
            await first
        assert engine.computed == [(1, 0)]

    asyncio.run(go())


def test_an_exception_fails_only_the_request_that_causes_it():
    async def go():
        engine = GatedEngine()
        engine.poison = {3}
        async with running(engine) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            tasks = [submit(batcher, number) for number in (2, 3, 4)]
            await asyncio.sleep(0)
            engine.open()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            await first
            np.testing.assert_array_equal(outcomes[0], expected(2, 1))
            np.testing.assert_array_equal(outcomes[2], expected(4, 1))
            assert isinstance(outcomes[1], EngineFailed)
            assert "poisoned" in str(outcomes[1])
            np.testing.assert_array_equal(await submit(batcher, 5), expected(5, 1))
        assert engine.batches[1:5] == [[(2, 0), (3, 0), (4, 0)], [(2, 0)], [(3, 0)], [(4, 0)]]

    asyncio.run(go())


def test_a_passing_fault_is_retried_once_and_nobody_notices():
    async def go():
        engine = GatedEngine(gated=False)
        engine.fail_next = [RuntimeError("a passing fault")]
        async with running(engine) as batcher:
            np.testing.assert_array_equal(await submit(batcher, 1, 2), expected(1, 2))
        assert len(engine.batches) == 2

    asyncio.run(go())


def test_a_failed_request_is_not_computed_further():
    async def go():
        engine = GatedEngine(gated=False)
        engine.poison = {1}
        async with running(engine) as batcher:
            with pytest.raises(EngineFailed):
                await submit(batcher, 1, 400)
            assert batcher.queued_images == 0
            assert batcher.backlog.images == 0
        assert engine.batches == [[(1, 0), (1, 1), (1, 2), (1, 3)]] * 2

    asyncio.run(go())


@pytest.mark.parametrize("wrong", [lambda z, label: z[:-1], lambda z, label: None, lambda z, label: 5])
def test_an_engine_that_returns_something_else_fails_the_request_and_not_the_thread(wrong):
    async def go():
        answers = [wrong, wrong]

        def engine(z, label):
            return answers.pop()(z, label) if answers else np.zeros((len(z), 1, 1, 2), np.uint8)

        batcher = Batcher(engine)
        await batcher.start()
        with pytest.raises(EngineFailed):
            await submit(batcher, 1, 2)
        assert (await submit(batcher, 2, 2)).shape == (2, 1, 1, 2)
        await batcher.drain()

    asyncio.run(go())


def test_a_lost_device_fails_everything_at_once_and_for_good():
    async def go():
        engine = GatedEngine()
        engine.fail_next = [DeviceLost("an illegal address")]
        async with running(engine) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            waiting = [submit(batcher, number) for number in (2, 3)]
            await asyncio.sleep(0)
            engine.open()
            outcomes = await asyncio.gather(first, *waiting, return_exceptions=True)
            assert all(isinstance(outcome, DeviceLost) for outcome in outcomes)
            with pytest.raises(DeviceLost, match="an illegal address"):
                await submit(batcher, 4)
            assert batcher.queued_images == 0
            await asyncio.wait_for(batcher.drain(), 5)
        assert len(engine.batches) == 1

    asyncio.run(go())


def test_draining_answers_what_was_accepted_and_refuses_the_rest():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            accepted = [submit(batcher, number, 3) for number in (1, 2, 3)]
            await entered(engine)
            draining = [asyncio.ensure_future(batcher.drain()) for _ in range(2)]
            await asyncio.sleep(0)
            with pytest.raises(Draining) as caught:
                await submit(batcher, 4)
            assert caught.value.retry_after > 0
            engine.open()
            for number, images in zip((1, 2, 3), await asyncio.gather(*accepted), strict=True):
                np.testing.assert_array_equal(images, expected(number, 3))
            await asyncio.gather(*draining)
            assert not batcher._worker._threads[0].is_alive()

    asyncio.run(go())


def test_draining_an_idle_or_never_started_batcher_ends_at_once():
    async def go():
        async with running(GatedEngine(gated=False)) as batcher:
            await batcher.drain()
            await batcher.drain()
        await Batcher(GatedEngine()).drain()

    asyncio.run(go())


def test_stopping_leaves_nobody_waiting():
    async def go():
        engine = GatedEngine()
        batcher = Batcher(engine)
        await batcher.start()
        tasks = [submit(batcher, number) for number in (1, 2)]
        await entered(engine)
        engine.open()
        batcher.stop()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, Draining | np.ndarray) for outcome in outcomes)
        with pytest.raises(Draining):
            await submit(batcher, 3)

    asyncio.run(go())


def test_a_batcher_that_was_not_started_takes_no_work():
    async def go():
        with pytest.raises(Draining):
            await submit(Batcher(GatedEngine()), 1)

    asyncio.run(go())


def test_a_batcher_is_started_once():
    async def go():
        async with running(GatedEngine(gated=False)) as batcher:
            with pytest.raises(RuntimeError, match="once"):
                await batcher.start()

    asyncio.run(go())


@pytest.mark.parametrize(("n", "labels"), [(0, 0), (2, 3), (3, 2)])
def test_unmatched_or_empty_orders_are_a_mistake_of_the_caller(n, labels):
    async def go():
        async with running(GatedEngine(gated=False)) as batcher:
            with pytest.raises(ValueError, match="latents"):
                await batcher.submit(
                    np.zeros((n, 2), np.float32), np.zeros(labels, np.int64), deadline=time.monotonic() + 9, client="a"
                )
            assert batcher.backlog.images == 0

    asyncio.run(go())


def test_a_greedy_client_does_not_take_a_polite_ones_share():
    async def go():
        engine = GatedEngine()
        async with running(engine, max_batch_size=8) as batcher:
            greedy = [submit(batcher, 1, 8, client="greedy") for _ in range(20)]
            await entered(engine)
            polite = submit(batcher, 2, 16, client="polite")
            await asyncio.sleep(0)
            engine.open()
            await asyncio.gather(polite, *greedy)
        last = max(index for index, batch in enumerate(engine.batches) if any(row[0] == 2 for row in batch))
        assert last <= 6

    asyncio.run(go())


def test_the_backlog_counts_what_waits_and_what_is_computed_by_client():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            tasks = [submit(batcher, 1, 4, client="a"), submit(batcher, 2, 3, client="b")]
            await entered(engine)
            assert (batcher.backlog.of("a"), batcher.backlog.of("b")) == (4, 3)
            assert batcher.queued_images < 7
            engine.open()
            await asyncio.gather(*tasks)
            assert batcher.backlog.images == 0

    asyncio.run(go())


def test_a_client_makes_up_for_its_refusals():
    async def go():
        engine = GatedEngine()
        async with running(engine, max_batch_size=8, turn=4, images_per_second=4000.0) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            greedy = submit(batcher, 2, 4, client="greedy")
            await asyncio.sleep(0)
            batcher.charge_refusal("greedy")  # half a millisecond: two images
            polite = submit(batcher, 3, 4, client="polite")
            await asyncio.sleep(0)
            engine.open()
            await asyncio.gather(first, greedy, polite)
        assert [row[0] for row in engine.computed] == [1, 2, 2, 3, 3, 3, 3, 2, 2]

    asyncio.run(go())


def test_the_rate_is_measured_on_batches_at_least_half_full():
    async def go():
        def slow(z, label):
            time.sleep(0.02)
            return np.zeros((len(z), 1, 1, 2), np.uint8)

        batcher = Batcher(slow, max_batch_size=8, images_per_second=0.0)
        await batcher.start()
        await submit(batcher, 1, 1)
        assert batcher.images_per_second == 0.0
        await submit(batcher, 1, 8)
        assert 0 < batcher.images_per_second <= 8 / 0.02
        await batcher.drain()

    asyncio.run(go())


def test_small_batches_correct_a_rate_that_is_too_low():
    """Else a rate measured on a busy host could refuse the very requests that would correct it."""

    async def go():
        engine = GatedEngine(gated=False)
        async with running(engine, max_batch_size=64, images_per_second=0.001) as batcher:
            for number in range(20):
                await submit(batcher, number)
            assert batcher.images_per_second > 1

    asyncio.run(go())


def test_the_observer_hears_of_batches_and_waits():
    async def go():
        engine, notes = GatedEngine(), Notes()
        async with running(engine, observer=notes) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            second = submit(batcher, 2, 6)
            await asyncio.sleep(0)
            assert batcher.working_for > 0
            engine.open()
            await asyncio.gather(first, second)
            await asyncio.sleep(0.01)
        assert [size for size, _ in notes.of("batch")] == [1, 4, 2]
        assert [n for _, n in notes.of("waited")] == [1, 6]
        assert all(seconds >= 0 for seconds, _ in [*notes.of("waited")])

    asyncio.run(go())


def test_what_a_pass_has_begun_with_waits_no_more():
    async def go():
        engine = GatedEngine()
        async with running(engine) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            assert batcher.queued_images == 0
            second = submit(batcher, 2, 6)
            await asyncio.sleep(0)
            assert batcher.queued_images == 6
            engine.open()
            await asyncio.gather(first, second)

    asyncio.run(go())


def test_a_request_is_told_where_its_time_went():
    """Its own passes are inferring, everything else, the passes of others included, is queueing."""

    async def go():
        def slow(z, label):
            time.sleep(0.02)
            return np.zeros((len(z), 1, 1, 2), np.uint8)

        batcher = Batcher(slow, max_batch_size=4)
        await batcher.start()
        spent = [Spent(), Spent()]
        deadline = time.monotonic() + FAR
        began = time.monotonic()
        first = asyncio.create_task(batcher.submit(*order(1, 4), deadline=deadline, client="a", spent=spent[0]))
        await asyncio.sleep(0.005)
        await batcher.submit(*order(2, 6), deadline=deadline, client="b", spent=spent[1])
        took = time.monotonic() - began
        await first
        await batcher.drain()
        assert 0.02 <= spent[0].infer < spent[1].infer
        assert spent[1].infer >= 0.04
        assert spent[1].queue > 0
        assert spent[1].queue + spent[1].infer <= took

    asyncio.run(go())


def test_a_batch_that_waits_for_a_busy_engine_thread_costs_that_time_too():
    """The rate by which work is accepted: a thread that comes back late is slow, however fast its passes are."""
    seen = []

    class Reports:
        def computed(self, batch, results, seconds):
            seen.append((batch.busy, seconds))
            time.sleep(0.02)

    async def go():
        worker = Worker(Reports(), 4, 0.0)
        for number in range(2):
            future = asyncio.get_running_loop().create_future()
            worker.push(Request(lambda z, label: z, order(number, 4), time.monotonic() + FAR, "me", future, 0.0))
        worker.start()
        while len(seen) < 2:
            await asyncio.sleep(0.005)
        worker.stop()

    asyncio.run(go())
    (first, its_pass), (second, next_pass) = seen
    assert first == its_pass
    assert second >= next_pass + 0.02


async def all_entered(engine, batches):
    async with asyncio.timeout(FAR):
        while len(engine.batches) < batches:
            await asyncio.sleep(0.001)


def test_free_lanes_share_what_waits():
    async def go():
        engine = GatedEngine()
        async with running(engine, max_batch_size=8, lanes=3) as batcher:
            task = submit(batcher, 1, 8)
            await all_entered(engine, 3)
            assert sorted(len(batch) for batch in engine.batches) == [2, 3, 3]
            engine.open()
            engine.open()
            engine.open()
            np.testing.assert_array_equal(await task, expected(1, 8))

    asyncio.run(go())


def test_a_lane_does_not_wait_for_the_others():
    """A request that came later is answered while an earlier one is still computed."""
    begun, held = threading.Event(), threading.Event()

    def engine(z, label):
        if label[0] == 1:
            begun.set()
            held.wait()
        return z.astype(np.uint8).reshape(len(z), 1, 1, 2)

    async def go():
        batcher = Batcher(engine, max_batch_size=4, lanes=2)
        await batcher.start()
        try:
            first = submit(batcher, 1)
            await asyncio.to_thread(begun.wait)
            later = await submit(batcher, 2, 9, seconds=FAR / 2)
        finally:
            held.set()
        np.testing.assert_array_equal(later, expected(2, 9))
        np.testing.assert_array_equal(await first, expected(1, 1))
        await batcher.drain()

    asyncio.run(go())


def test_one_request_after_the_other_stays_with_one_lane():
    async def go():
        threads = set()

        def engine(z, label):
            threads.add(threading.current_thread())
            return np.zeros((len(z), 1, 1, 2), np.uint8)

        batcher = Batcher(engine, lanes=4)
        await batcher.start()
        for number in range(20):
            while len(batcher._worker._idle) < 4:
                await asyncio.sleep(0.001)
            await submit(batcher, number)
        assert len(threads) == 1
        await batcher.drain()

    asyncio.run(go())


def test_what_lanes_leave_over_has_waited_as_long():
    """max_wait_ms is counted once for what waited together, however many lanes take it."""

    async def go():
        worker = Worker(None, 8, 10.0, lanes=2)
        future = asyncio.get_running_loop().create_future()
        worker.push(Request(None, order(1, 6), 1000.0, "me", future, 100.0))
        assert worker._pick(109.9) is None
        first = worker._pick(110.1)
        worker._lanes[0].working_since = 110.1
        assert (first.size, worker._pick(110.1).size) == (3, 3)

    asyncio.run(go())


def test_all_lanes_end_with_one_that_lost_the_device():
    async def go():
        engine = GatedEngine(gated=False)
        engine.fail_next = [DeviceLost("gone")]
        batcher = Batcher(engine, lanes=3)
        await batcher.start()
        with pytest.raises(DeviceLost, match="gone"):
            await submit(batcher, 1)
        for thread in batcher._worker._threads:
            await asyncio.to_thread(thread.join, 5)
        assert not any(thread.is_alive() for thread in batcher._worker._threads)

    asyncio.run(go())


@pytest.mark.parametrize("lanes", [1, 2])
def test_the_rate_is_that_of_all_lanes(lanes):
    def forward(z, label):
        raise AssertionError("nothing is computed here")

    batcher = Batcher(forward, max_batch_size=8, lanes=lanes)
    batch = Batch([], forward, order(1, 8), busy=0.5)
    batcher._learn_rate(batch)
    assert batcher.images_per_second == 16 * lanes


def test_passes_at_the_same_time_count_once():
    request = Request(None, (np.zeros((4, 1)),), FAR, "me", None, 0.0)
    request.note_pass(1.0, 2.0)
    request.note_pass(1.5, 2.0)
    request.note_pass(5.0, 1.0)
    assert request.infer == pytest.approx(2.0 + 0.5 + 1.0)


def test_an_event_loop_that_closed_does_not_wedge_the_engine_thread():
    engine = GatedEngine()

    async def go():
        batcher = Batcher(engine)
        await batcher.start()
        task = submit(batcher, 1)
        await entered(engine)
        task.cancel()
        return batcher

    batcher = asyncio.run(go())
    engine.open()
    batcher.stop()
    assert not batcher._worker._threads[0].is_alive()


def test_a_thread_that_dies_leaves_nobody_waiting(caplog):
    async def go():
        def suicidal(z, label):
            raise SystemExit

        batcher = Batcher(suicidal)
        await batcher.start()
        with pytest.raises(DeviceLost, match="the engine thread ended"):
            await submit(batcher, 1)

    asyncio.run(go())
    assert "the engine thread ended" in caplog.text


def encoding(images):
    return images.reshape(len(images), -1).astype(np.float32)


def encode(batcher, *levels, client="me"):
    images = np.array(levels, np.uint8).reshape(-1, 1, 1, 1)
    return asyncio.ensure_future(batcher.encode(images, deadline=time.monotonic() + FAR, client=client))


def test_encoding_goes_through_the_same_queue_one_after_the_other():
    async def go():
        engine, threads = GatedEngine(), []

        def encoder(images):
            threads.append(threading.current_thread().name)
            return encoding(images)

        async with running(engine, engine_encode=encoder, max_queue_images=8) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            codes = [encode(batcher, 7), encode(batcher, 8, 9, client="other")]
            behind = submit(batcher, 2, 3)
            await asyncio.sleep(0)
            assert batcher.queued_images == 6
            assert batcher.backlog.of("other") == 2
            with pytest.raises(QueueFull):
                await encode(batcher, 1, 2, 3)
            engine.open()
            made = [code.tolist() for code in await asyncio.gather(*codes)]
            np.testing.assert_array_equal(await behind, expected(2, 3))
            await first
        assert made == [[[7.0]], [[8.0], [9.0]]]
        assert set(threads) == {"engine-0"}
        assert engine.computed == [(1, 0), (2, 0), (2, 1), (2, 2)]

    asyncio.run(go())


def test_one_image_that_cannot_be_encoded_fails_alone():
    def encoder(images):
        if 13 in images:
            raise EngineFailed("not finite")
        return encoding(images)

    async def go():
        engine = GatedEngine()
        async with running(engine, engine_encode=encoder) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            good, bad = encode(batcher, 7), encode(batcher, 13)
            await asyncio.sleep(0)
            engine.open()
            assert (await good).tolist() == [[7.0]]
            with pytest.raises(EngineFailed, match="not finite"):
                await bad
            await first

    asyncio.run(go())


def test_encoding_does_not_change_the_rate_of_images():
    async def go():
        engine = GatedEngine(gated=False)
        async with running(engine, engine_encode=encoding, images_per_second=5.0) as batcher:
            await encode(batcher, 1, 2, 3, 4)
            assert batcher.images_per_second == 5.0
            await submit(batcher, 1, 4)
            assert batcher.images_per_second > 5.0

    asyncio.run(go())


def test_a_batcher_without_an_encoder_says_so():
    async def go():
        async with running(GatedEngine(gated=False)) as batcher:
            with pytest.raises(ValueError, match="does not encode"):
                await encode(batcher, 1)

    asyncio.run(go())
