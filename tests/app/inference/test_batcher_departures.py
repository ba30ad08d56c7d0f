"""What nobody waits for any more, because its client has gone or its deadline has passed, is not computed."""

import asyncio
import time

import numpy as np
import pytest

from app.errors import DeadlineExceeded
from tests.app.inference.gated import GatedEngine, Notes, entered, expected, running, submit


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
