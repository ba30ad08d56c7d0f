"""What fails in the engine is told to those it concerns and to nobody else, and nobody is left waiting."""

import asyncio

import numpy as np
import pytest

from app.errors import DeviceLost, EngineFailed
from app.inference.batcher import Batcher
from tests.app.inference.gated import GatedEngine, entered, expected, running, submit


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
        with pytest.raises(DeviceLost, match="an engine thread ended"):
            await submit(batcher, 1)
        await asyncio.to_thread(batcher._worker._threads[0].join, 10)
        assert batcher.working_for == 0

    asyncio.run(go())
    assert "an engine thread ended" in caplog.text
