"""Concurrent requests gathered into batches: who is computed with whom, what is refused, how it ends."""

import asyncio
import time

import numpy as np
import pytest

from app.errors import Draining, QueueFull
from app.inference.batcher import Batcher
from tests.app.inference.gated import GatedEngine, Notes, entered, expected, running, submit


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
