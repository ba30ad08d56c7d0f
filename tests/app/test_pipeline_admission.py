"""Who is let in, who is judged again, and what becomes of work that fails or is given up."""

import asyncio
import time
from typing import Any

import pytest

from app.errors import DeviceLost, Draining, EngineFailed, InvalidFields, NotLoaded, QueueFull, UnknownModel
from app.lifecycle import Lifecycle, Stage
from app.pipeline import Pipeline
from app.telemetry import Telemetry
from tests.app.kitchen import Open, order, run


def test_unknown_models_and_labels_are_named(kitchen: Any) -> None:
    with pytest.raises(UnknownModel):
        run(kitchen, order([1], model="nobody"))
    with pytest.raises(InvalidFields, match="no classes"):
        run(kitchen, order([1], labels=["x"], label_fields=["label"]))


def test_admission_is_asked_with_the_backlog_and_its_refusal_is_counted(kitchen: Any) -> None:
    wanted = order([1, 2])
    run(kitchen, wanted)
    assert kitchen.admission.asked == [(2, wanted.deadline, "c", kitchen.avatars.batcher.backlog, 1000.0)]
    kitchen.admission.refuses = QueueFull("full", 3)
    with pytest.raises(QueueFull):
        run(kitchen, wanted)
    assert len(kitchen.avatars.batcher.asked) == 1
    assert kitchen.avatars.batcher.charged == ["c"]
    assert b'tessera_images_rejected_total{model="avatars@1",reason="queue_full"} 2.0' in kitchen.telemetry.exposition()


def test_what_was_refused_is_judged_again_with_a_new_deadline(kitchen: Any) -> None:
    judge = kitchen.pipeline.judge(order([1, 2]), 2.0)
    backlog = kitchen.avatars.batcher.backlog
    place = judge()
    assert backlog.of("c") == 2
    place.leave()
    assert backlog.images == 0
    kitchen.admission.refuses = QueueFull("full", 3)
    before = time.monotonic()
    assert judge() is kitchen.admission.refuses
    n, deadline, client, *_ = kitchen.admission.asked[-1]
    assert (n, client) == (2, "c")
    assert before + 2 <= deadline <= time.monotonic() + 2
    assert kitchen.avatars.batcher.charged == ["c"]
    assert b'tessera_images_rejected_total{model="avatars@1",reason="queue_full"} 2.0' in kitchen.telemetry.exposition()


def test_it_is_not_judged_by_a_model_that_it_did_not_ask_for(kitchen: Any, paint_model: Any) -> None:
    judge = kitchen.pipeline.judge(order([1]), 2.0)
    kitchen.admission.refuses = QueueFull("full", 3)
    kitchen.registry.served.append(paint_model("avatars", version=2))
    kitchen.registry.exchanges += 1
    assert judge() is None
    assert kitchen.admission.asked == []
    assert kitchen.avatars.batcher.backlog.images == 0


def test_it_is_not_judged_by_a_service_that_takes_nothing(kitchen: Any) -> None:
    judge = kitchen.pipeline.judge(order([1]), 2.0)
    kitchen.lifecycle.drain()
    with pytest.raises(Draining):
        judge()


def test_what_was_judged_and_let_in_is_not_judged_again(kitchen: Any) -> None:
    backlog = kitchen.avatars.batcher.backlog
    place = kitchen.pipeline.judge(order([1, 2]), 2.0)()
    kitchen.admission.refuses = QueueFull("full by now", 3)
    asyncio.run(kitchen.pipeline.generate(order([1, 2]), judged=place))
    assert len(kitchen.admission.asked) == 1
    assert not place.is_in(backlog)
    assert backlog.images == 0


def test_a_place_is_worth_nothing_in_another_model_or_once_it_was_left(kitchen: Any) -> None:
    place = kitchen.pipeline.judge(order([1, 2]), 2.0)()
    kitchen.admission.refuses = QueueFull("full", 3)
    with pytest.raises(QueueFull):
        asyncio.run(kitchen.pipeline.generate(order([1, 2], model="fashion"), judged=place))
    place.leave()
    with pytest.raises(QueueFull):
        asyncio.run(kitchen.pipeline.generate(order([1, 2]), judged=place))


def test_what_was_let_in_counts_for_those_who_come_at_the_same_moment(kitchen: Any) -> None:
    batcher, before = kitchen.avatars.batcher, []

    def refusal(*facts: Any) -> None:
        before.append(batcher.backlog.images)

    async def main() -> None:
        await asyncio.gather(*(kitchen.pipeline.generate(order([seed, seed + 1])) for seed in (1, 3, 5)))

    kitchen.admission.refusal = refusal
    with batcher.backlog.hold("somebody", 1):
        asyncio.run(main())
    assert before == [1, 3, 5]
    assert batcher.backlog.images == 0, "the batcher counts what it has taken in itself; this one counts nothing"


@pytest.mark.parametrize("others", [0, 1])
def test_who_is_alone_does_not_wait_for_company(kitchen: Any, others: int) -> None:
    async def main() -> int:
        task = asyncio.create_task(kitchen.pipeline.generate(order([1, 2])))
        await asyncio.sleep(0)
        come = len(kitchen.avatars.batcher.asked)
        await task
        return come

    with kitchen.avatars.batcher.backlog.hold("somebody", others):
        assert asyncio.run(main()) == (not others)


def test_the_place_of_what_is_given_up_before_it_waits_is_left(kitchen: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(kitchen.pipeline.generate(order([1, 2])))
        await asyncio.sleep(0)
        assert kitchen.avatars.batcher.backlog.images == 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with kitchen.avatars.batcher.backlog.hold("somebody", 1):
        asyncio.run(main())
    assert kitchen.avatars.batcher.backlog.images == 0
    assert kitchen.avatars.batcher.asked == []


def test_nothing_is_taken_while_loading_or_draining(kitchen: Any) -> None:
    kitchen.lifecycle.drain()
    with pytest.raises(Draining):
        run(kitchen, order([1]))
    loading = Pipeline(kitchen.registry, Open(), Lifecycle(), Telemetry(), 1000)  # type: ignore[arg-type]
    with pytest.raises(NotLoaded):
        asyncio.run(loading.generate(order([1])))
    assert kitchen.avatars.batcher.asked == []


def test_a_failed_forward_pass_leaves_the_service_ready(kitchen: Any) -> None:
    kitchen.avatars.batcher.failure = EngineFailed("this batch only")
    with pytest.raises(EngineFailed):
        run(kitchen, order([1]))
    assert kitchen.lifecycle.stage is Stage.READY


def test_a_lost_device_makes_the_service_not_ready_at_once(kitchen: Any) -> None:
    kitchen.avatars.batcher.failure = DeviceLost("Xid 79")
    with pytest.raises(DeviceLost):
        run(kitchen, order([1]))
    assert kitchen.lifecycle.stage is Stage.LOST


def test_cancelling_reaches_the_batcher(kitchen: Any) -> None:
    async def main() -> None:
        kitchen.avatars.batcher.gate = asyncio.Event()
        task = asyncio.create_task(kitchen.pipeline.generate(order([1, 2, 3])))
        while not kitchen.avatars.batcher.asked:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert kitchen.avatars.batcher.cancelled == 3
