"""A reload while the registry serves: what is exchanged, what is kept, and what a failure leaves as it was."""

import asyncio
import shutil

import pytest

from app.errors import DeviceLost
from tests.app.registry.painted import reason, refs, reload


def test_a_new_version_takes_over_its_name_and_the_old_one_stays_askable(house):
    house.add(version=1)
    registry = house.registry()
    reload(registry)
    house.add(version=2, slope=10)
    change = reload(registry)
    assert (change.loaded, change.kept) == (("avatars@2",), ("avatars@1",))
    assert registry.get("avatars").manifest.version == 2
    assert registry.get("avatars@1").batcher.states == ["started"]


def test_a_removed_version_is_drained_only_after_it_left_the_shelf(house):
    house.add(version=1)
    house.add(version=2, slope=10)
    registry = house.registry()
    reload(registry)
    old = registry.get("avatars@2")
    shutil.rmtree(house.dir / "avatars" / "2")
    seen = []
    house.on_drain = lambda ref: seen.append((ref, registry.get("avatars").manifest.ref))
    assert reload(registry).removed == ("avatars@2",)
    assert seen == [("avatars@2", "avatars@1")]
    assert old.batcher.states == ["started", "drained", "stopped"]


def test_a_request_that_found_the_old_model_can_still_submit_to_it(house):
    house.add()
    registry = house.registry()
    reload(registry)
    old = registry.get("avatars")
    house.add(slope=10)

    async def ask_in_between():
        task = asyncio.create_task(registry.reload())
        while registry.get("avatars") is old:
            await asyncio.sleep(0)
        states = list(old.batcher.states)
        await task
        return states

    assert asyncio.run(ask_in_between()) == ["started"]
    assert old.batcher.states == ["started", "drained", "stopped"]


def test_who_remembers_a_model_sees_at_once_that_it_was_exchanged(house):
    house.add()
    registry = house.registry()
    reload(registry)
    old, before = registry.get("avatars"), registry.exchanges
    house.add(slope=10)

    async def count_in_between():
        task = asyncio.create_task(registry.reload())
        while registry.get("avatars") is old:
            assert registry.exchanges == before
            await asyncio.sleep(0)
        exchanges = registry.exchanges
        await task
        return exchanges

    assert asyncio.run(count_in_between()) > before


def test_a_version_replaced_on_the_disk_is_exchanged(house):
    house.add()
    registry = house.registry()
    reload(registry)
    old = registry.get("avatars")
    house.add(slope=10)
    change = reload(registry)
    assert (change.loaded, change.kept, change.removed) == (("avatars@1",), (), ())
    assert registry.get("avatars").digest != old.digest
    assert old.batcher.states == ["started", "drained", "stopped"]
    assert registry.get("avatars").batcher.states == ["started"]


@pytest.mark.parametrize("program", [{"off": 9}, {"build": "reject"}, {"forward": "memory"}])
def test_a_replacement_that_fails_leaves_the_old_one_serving(house, program):
    house.add()
    registry = house.registry()
    reload(registry)
    old = registry.get("avatars")
    house.add(slope=10, **program)
    assert reload(registry).kept == ("avatars@1",)
    assert registry.get("avatars") is old
    assert old.batcher.states == ["started"]
    reason(registry)


def test_a_new_version_that_fails_leaves_the_older_one_in_charge(house):
    house.add(version=1)
    registry = house.registry()
    reload(registry)
    house.add(version=2, off=9)
    reload(registry)
    assert registry.get("avatars").manifest.version == 1


def test_damage_on_the_disk_does_not_take_away_what_serves(house):
    folder = house.add()
    registry = house.registry()
    reload(registry)
    (folder / "generator.pt").unlink()
    assert reload(registry).kept == ("avatars@1",)
    assert "generator.pt missing" in reason(registry)
    assert registry.get("avatars").batcher.states == ["started"]


@pytest.mark.parametrize("empty", [True, False])
def test_a_volume_that_is_gone_takes_nothing_away(house, empty):
    house.add()
    registry = house.registry()
    reload(registry)
    shutil.rmtree(house.dir)
    if empty:
        house.dir.mkdir()
    assert reload(registry).kept == ("avatars@1",)
    assert registry.get("avatars").batcher.states == ["started"]
    assert ("no model lies here" if empty else "cannot be listed") in reason(registry)


def test_refusals_are_of_the_last_reload(house):
    house.add(off=9)
    registry = house.registry()
    reload(registry)
    assert len(registry.refused) == 1
    house.add(off=0)
    reload(registry)
    assert registry.refused == ()


def test_a_device_that_is_lost_changes_nothing_and_leaves_no_thread(house):
    house.add("avatars")
    registry = house.registry()
    reload(registry)
    house.add("fashion")
    house.add("zebras", warm_up="loss")
    with pytest.raises(DeviceLost):
        reload(registry)
    assert refs(registry) == ["avatars@1"]
    assert [(queue.ref, queue.states) for queue in house.queues] == [
        ("avatars@1", ["started"]),
        ("fashion@1", ["started", "stopped"]),
    ]


def test_a_cancelled_reload_leaves_no_thread(house):
    house.add("avatars")
    house.add("fashion")
    registry = house.registry()

    async def cancelled():
        task = asyncio.create_task(registry.reload())
        while not house.queues:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert registry.models() == []
    assert all(queue.states in (["stopped"], ["started", "stopped"]) for queue in house.queues)


def test_two_reloads_at_once_load_once(house):
    house.add()
    registry = house.registry()

    async def both():
        return await asyncio.gather(registry.reload(), registry.reload())

    first, second = asyncio.run(both())
    assert (first.loaded, second.kept) == (("avatars@1",), ("avatars@1",))
    assert len(house.queues) == 1


def test_requests_go_on_while_a_model_loads(house):
    house.add()
    registry = house.registry()
    reload(registry)
    house.add(version=2, slope=10)

    async def ask():
        task = asyncio.create_task(registry.reload())
        answers = []
        while not task.done():
            answers.append(registry.get("avatars").manifest.version)
            await asyncio.sleep(0)
        return [*answers, registry.get("avatars").manifest.version]

    answers = asyncio.run(ask())
    assert (answers[0], answers[-1]) == (1, 2)
    assert answers == sorted(answers)
