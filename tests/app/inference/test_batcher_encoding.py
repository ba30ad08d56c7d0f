"""Images are encoded by the same threads, through the same queue."""

import asyncio
import threading
import time

import numpy as np
import pytest

from app.errors import EngineFailed, QueueFull
from tests.app.inference.gated import FAR, GatedEngine, entered, expected, running, submit


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
