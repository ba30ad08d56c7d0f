"""The thread that leads all cores computes a lone image in the place of a lane that sleeps on."""

import asyncio
import contextlib
import threading
import time

import numpy as np
import pytest

from app.errors import DeviceLost, EngineFailed
from app.inference import cores
from app.inference.cores import lead, on_all_cores
from tests.app.inference.gated import GatedEngine, all_entered, entered, expected, running, submit


class Engine(GatedEngine):
    """Remembers who computed what."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.threads = []

    def __call__(self, z, label):
        self.threads.append(threading.get_ident())
        return super().__call__(z, label)

    @property
    def led(self):
        """Which batches the leader computed."""
        leader = on_all_cores(1, threading.get_ident)
        return [thread == leader for thread in self.threads]


async def all_asleep(batcher):
    async with asyncio.timeout(10):
        while len(batcher._worker._idle) < len(batcher._worker._lanes):
            await asyncio.sleep(0.001)


async def all_free(batcher):
    """The leader, too, which is so a moment after its lane."""
    await all_asleep(batcher)
    async with asyncio.timeout(10):
        while cores._FREE.locked():
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def asleep(engine, lanes, lead=lead):
    """A batcher whose lanes all sleep."""
    async with running(engine, lanes=lanes, lead=lead) as batcher:
        await all_free(batcher)
        yield batcher


@contextlib.asynccontextmanager
async def leading(engine, lanes):
    """The same, and the task of a first request, number 1, which the leader holds at the engine's gate."""
    async with asleep(engine, lanes) as batcher:
        first = submit(batcher, 1)
        await entered(engine)
        yield batcher, first


def computed(requests, *, lanes=2, **settings):
    """Of requests one after the other, each of so many images: which the leader computed."""
    engine = Engine(gated=False)

    async def go():
        async with running(engine, lanes=lanes, **{"lead": lead, **settings}) as batcher:
            for number, n in enumerate(requests):
                await all_free(batcher)
                np.testing.assert_array_equal(await submit(batcher, number, n), expected(number, n))

    asyncio.run(go())
    return engine.led


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_lone_image_is_computed_by_the_leader(lanes):
    assert computed([1, 1, 1], lanes=lanes) == [True] * 3


def test_several_images_are_computed_by_lanes():
    assert computed([1, 2, 1], lanes=1) == [True, False, True]


def test_an_image_that_may_wait_for_company_is_computed_by_a_lane():
    assert computed([1, 1], max_wait_ms=1) == [False, False]


def test_without_a_leader_lanes_do_all():
    assert computed([1, 1], lead=None) == [False, False]


def test_while_the_leader_is_busy_lanes_do_all():
    there, held = threading.Event(), threading.Event()
    busy = threading.Thread(target=on_all_cores, args=(1, lambda: (there.set(), held.wait(10))))
    busy.start()
    try:
        assert there.wait(10)
        engine = Engine(gated=False)

        async def go():
            async with running(engine, lanes=2, lead=lead) as batcher:
                await all_asleep(batcher)
                await submit(batcher, 1)

        asyncio.run(go())
    finally:
        held.set()
        busy.join()
    assert engine.led == [False]


def test_whoever_comes_meanwhile_is_computed_by_another_lane():
    engine = Engine()

    async def go():
        async with leading(engine, 2) as (batcher, first):
            second = submit(batcher, 2)
            await all_entered(engine, 2)
            engine.open()
            engine.open()
            np.testing.assert_array_equal(await first, expected(1, 1))
            np.testing.assert_array_equal(await second, expected(2, 1))

    asyncio.run(go())
    assert engine.led == [True, False]


@pytest.mark.parametrize("n", [1, 3, 40])
def test_what_waits_afterwards_wakes_the_lane(n):
    engine = Engine()

    async def go():
        async with leading(engine, 1) as (batcher, first):
            second = submit(batcher, 2, n)
            await asyncio.sleep(0)
            engine.open()
            await first
            np.testing.assert_array_equal(await second, expected(2, n))

    asyncio.run(go())
    assert engine.led == [True] + [False] * (len(engine.led) - 1)


def later(asked):
    """A leader that begins when the test wants it to."""

    def lead(action):
        asked.append(action)
        return True

    return lead


def test_an_image_that_has_company_by_then_is_left_to_the_lane():
    engine, asked = Engine(gated=False), []

    async def go():
        async with asleep(engine, 1, later(asked)) as batcher:
            tasks = [submit(batcher, number) for number in (1, 2, 3)]
            await asyncio.sleep(0)
            leader = threading.Thread(target=asked.pop())
            leader.start()
            await asyncio.gather(*tasks)
            await asyncio.to_thread(leader.join)
            assert leader.ident not in engine.threads
            assert asked == []

    asyncio.run(go())
    assert [len(batch) for batch in engine.batches] == [3]


def test_a_lone_picture_to_encode_is_a_lanes():
    encoded = []

    def encode(images):
        encoded.append(threading.get_ident())
        return images.reshape(len(images), -1).astype(np.float32)

    async def go():
        async with running(Engine(), lanes=1, lead=lead, engine_encode=encode) as batcher:
            await all_free(batcher)
            picture = np.ones((1, 1, 1, 2), np.uint8)
            await batcher.encode(picture, deadline=time.monotonic() + 10, client="me")
            assert encoded == [batcher._worker._threads[0].ident]

    asyncio.run(go())


def test_what_nobody_wants_any_more_is_not_computed():
    engine, asked = Engine(gated=False), []

    async def go():
        async with asleep(engine, 1, later(asked)) as batcher:
            given_up = submit(batcher, 1)
            await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.sleep(0)
            await asyncio.to_thread(asked.pop())
            assert engine.batches == []
            assert len(batcher._worker._idle) == 1
            wanted = submit(batcher, 2)
            await asyncio.sleep(0)
            await asyncio.to_thread(asked.pop())
            np.testing.assert_array_equal(await wanted, expected(2, 1))

    asyncio.run(go())


def test_a_failure_there_is_that_requests_and_others_go_on():
    engine = Engine(gated=False)
    engine.poison.add(1)

    async def go():
        async with asleep(engine, 1) as batcher:
            with pytest.raises(EngineFailed, match="poisoned"):
                await submit(batcher, 1)
            await all_free(batcher)
            np.testing.assert_array_equal(await submit(batcher, 2), expected(2, 1))

    asyncio.run(go())
    assert engine.led == [True] * 3  # the first of them twice


def test_a_device_lost_there_ends_all_lanes():
    engine = Engine()
    engine.fail_next.append(DeviceLost("gone"))

    async def go():
        async with leading(engine, 2) as (batcher, first):
            engine.open()
            with pytest.raises(DeviceLost, match="gone"):
                await first
            with pytest.raises(DeviceLost, match="gone"):
                await submit(batcher, 2)
            for thread in batcher._worker._threads:
                await asyncio.to_thread(thread.join, 10)
                assert not thread.is_alive()

    asyncio.run(go())


def test_the_end_waits_for_the_leader():
    engine = Engine()

    async def go():
        async with leading(engine, 2) as (batcher, first):
            threading.Timer(0.05, engine.open).start()
            await asyncio.to_thread(batcher._worker.stop)
            assert not engine.gated
            assert batcher.working_for == 0
            np.testing.assert_array_equal(await first, expected(1, 1))

    asyncio.run(go())


def test_the_leader_counts_as_at_work():
    engine = Engine()

    async def go():
        async with leading(engine, 2) as (batcher, first):
            time.sleep(0.002)
            assert batcher.working_for > 0
            engine.open()
            await first
            await all_asleep(batcher)
            assert batcher.working_for == 0

    asyncio.run(go())
