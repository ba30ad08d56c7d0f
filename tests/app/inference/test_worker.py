"""The engine threads, one a lane: they share what waits, and none waits for another."""

import asyncio
import os
import sys
import threading
import time

import numpy as np
import pytest

from app.inference.batcher import Batcher
from app.inference.jobs import Request
from app.inference.worker import Worker
from tests.app.inference.gated import FAR, GatedEngine, all_entered, expected, order, running, submit


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


@pytest.mark.parametrize(("waiting", "taken"), [(3, 3), (31, 4), (32, 8), (100, 8)])
def test_batches_are_large_only_where_enough_waits_for_every_lane(waiting, taken):
    async def go():
        worker = Worker(None, 8, 0.0, lanes=2, usual=4)
        future = asyncio.get_running_loop().create_future()
        worker.push(Request(None, order(1, waiting), 1000.0, "me", future, 0.0))
        worker._lanes[0].working_since = 1.0
        picked = worker._pick(2.0)
        assert picked.size == taken
        worker._lanes[1].working_since = 2.0
        worker.prepare()
        assert (worker._ready.size if worker._ready else 0) == next_batch(waiting - taken)

    def next_batch(left):
        return 8 if left >= 32 else 4 if left >= 4 else 0

    asyncio.run(go())


def test_a_usual_batch_waits_for_nobody():
    """max_wait_ms is for batches that are smaller than that."""

    async def go():
        worker = Worker(None, 8, 10.0, usual=4)
        future = asyncio.get_running_loop().create_future()
        worker.push(Request(None, order(1, 3), 1000.0, "me", future, 100.0))
        assert worker._pick(101.0) is None
        worker.push(Request(None, order(2, 1), 1000.0, "me", future, 101.0))
        assert worker._pick(101.0).size == 4

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


def test_a_lane_gives_way_between_two_batches(monkeypatch):
    """When what it computed is on its way, and before it takes the next."""
    seen = []

    class Reports:
        def computed(self, batch, results, seconds):
            seen.append("told")

    def forward(z, label):
        seen.append("computing")
        return z

    async def go():
        worker = Worker(Reports(), 4, 0.0)
        for number in range(2):
            future = asyncio.get_running_loop().create_future()
            worker.push(Request(forward, order(number, 4), time.monotonic() + FAR, "me", future, 0.0))
        worker.start()
        while seen.count("told") < 2:
            await asyncio.sleep(0.005)
        worker.stop()

    monkeypatch.setattr("app.inference.worker.give_way", lambda: seen.append("way"))
    asyncio.run(go())
    assert seen == ["computing", "told", "way"] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness for each thread")
def test_lanes_give_way_to_the_event_loop_and_to_nothing_else():
    seen = []

    def engine(z, label):
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return z.astype(np.uint8).reshape(len(z), 1, 1, 2)

    async def go():
        before = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        batcher = Batcher(engine, max_batch_size=4, lanes=2)
        await batcher.start()
        try:
            await submit(batcher, 1, 8)
        finally:
            batcher.stop()
        assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before
        assert set(seen) == {min(before + 5, 19)}

    asyncio.run(go())
