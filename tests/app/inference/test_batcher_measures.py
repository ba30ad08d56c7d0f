"""What a batcher knows and tells of its work: backlog, rate, times."""

import asyncio
import time

import numpy as np
import pytest

from app.inference.batcher import Batcher
from app.inference.jobs import Batch, Request, Spent
from tests.app.inference.gated import FAR, GatedEngine, Notes, entered, order, running, submit


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


@pytest.mark.parametrize("lanes", [1, 2])
def test_the_rate_is_that_of_all_lanes(lanes):
    def forward(z, label):
        raise AssertionError("nothing is computed here")

    batcher = Batcher(forward, max_batch_size=8, lanes=lanes)
    batch = Batch([], forward, order(1, 8), busy=0.5)
    batcher._learn_rate(batch)
    assert batcher.images_per_second == 16 * lanes


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


def test_passes_at_the_same_time_count_once():
    request = Request(None, (np.zeros((4, 1)),), FAR, "me", None, 0.0)
    request.note_pass(1.0, 2.0)
    request.note_pass(1.5, 2.0)
    request.note_pass(5.0, 1.0)
    assert request.infer == pytest.approx(2.0 + 0.5 + 1.0)
