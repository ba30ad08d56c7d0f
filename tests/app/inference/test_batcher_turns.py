"""Who is computed before whom: small requests between the parts of large ones, clients in turns."""

import asyncio

import numpy as np

from tests.app.inference.gated import GatedEngine, entered, expected, running, submit


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


def test_a_client_makes_up_for_its_refusals():
    async def go():
        engine = GatedEngine()
        async with running(engine, max_batch_size=8, turn=4, images_per_second=8000.0) as batcher:
            first = submit(batcher, 1)
            await entered(engine)
            greedy = submit(batcher, 2, 4, client="greedy")
            await asyncio.sleep(0)
            batcher.charge_refusal("greedy")  # half a millisecond: four images, a turn
            polite = submit(batcher, 3, 4, client="polite")
            await asyncio.sleep(0)
            engine.open()
            await asyncio.gather(first, greedy, polite)
        assert [row[0] for row in engine.computed] == [1, 3, 3, 3, 3, 2, 2, 2, 2]

    asyncio.run(go())
