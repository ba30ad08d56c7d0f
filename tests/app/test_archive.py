import asyncio
import io
import time
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from app import archive
from app.archive import ArchiveOrder, Archives
from app.errors import Draining, EngineFailed, InvalidField, QueueFull, QuotaExceeded
from app.lifecycle import Lifecycle
from app.pipeline import Pipeline
from app.telemetry import Telemetry

BATCH = 4


class Open:
    """An admission that lets everything in, or refuses everything, and remembers who asked."""

    def __init__(self) -> None:
        self.refuses: Exception | None = None
        self.asked: list[tuple[Any, ...]] = []

    def refusal(self, *facts: Any) -> Exception | None:
        self.asked.append(facts)
        return self.refuses


@pytest.fixture
def kitchen(paint_model: Any, paint_registry: Any) -> Any:
    model = paint_model("fashion", classes=("shirt", "shoe", "bag"))
    lifecycle, telemetry, admission = Lifecycle(), Telemetry(), Open()
    lifecycle.ready()
    pipeline = Pipeline(paint_registry(model), admission, lifecycle, telemetry, 10_000)  # type: ignore[arg-type]
    archives = Archives(pipeline, telemetry, BATCH)
    yield SimpleNamespace(
        archives=archives, batcher=model.batcher, admission=admission, lifecycle=lifecycle, telemetry=telemetry
    )
    archives.close()
    pipeline.close()


def order(n: int, **changes: Any) -> ArchiveOrder:
    facts: dict[str, Any] = {
        "model": "fashion@1",
        "seeds": np.arange(n, dtype=np.uint32),
        "labels": (),
        "label_fields": (),
        "balanced": False,
        "by_class": False,
        "truncation_psi": 1.0,
        "scale": 1,
        "deadline": 30.0,
        "client": "c",
    }
    return ArchiveOrder(**facts | changes)


def made(kitchen: SimpleNamespace, wanted: ArchiveOrder) -> zipfile.ZipFile:
    async def main() -> bytes:
        return b"".join([part async for part in kitchen.archives.write(wanted)])

    return zipfile.ZipFile(io.BytesIO(asyncio.run(main())))


def labels(kitchen: SimpleNamespace) -> list[int]:
    return [label for asked in kitchen.batcher.asked for label in asked.label.tolist()]


async def until(true: Any) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


def test_it_is_computed_in_pieces_of_a_batch(kitchen: SimpleNamespace) -> None:
    found = made(kitchen, order(10))
    assert found.testzip() is None
    assert found.namelist() == ["metadata.jsonl", *(f"{i:06d}_{i}.png" for i in range(10))]
    assert [len(asked.z) for asked in kitchen.batcher.asked] == [4, 4, 2]
    assert b'tessera_images_generated_total{model="fashion@1"} 10.0' in kitchen.telemetry.exposition()


def test_large_images_make_small_pieces(kitchen: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_PIECE_BYTES", 2 * 8 * 8 * 3 * 4)
    made(kitchen, order(4, scale=2))
    made(kitchen, order(2, scale=9))
    assert [len(asked.z) for asked in kitchen.batcher.asked] == [2, 2, 1, 1]


def test_each_image_is_limited_and_not_the_whole(kitchen: SimpleNamespace) -> None:
    assert len(made(kitchen, order(300)).namelist()) == 301  # 19,200 pixels of 10,000
    with pytest.raises(InvalidField, match="16384 pixels"):
        made(kitchen, order(1, scale=16))


def test_only_the_first_piece_is_admitted_and_has_the_callers_deadline(kitchen: SimpleNamespace) -> None:
    made(kitchen, order(9, deadline=77.0))
    assert [asked[:3] for asked in kitchen.admission.asked] == [(4, 77.0, "c")]
    first, *others = [asked.deadline for asked in kitchen.batcher.asked]
    assert first == 77.0
    assert all(deadline > time.monotonic() + 1000 for deadline in others)


def test_what_cannot_begin_in_time_is_refused_before_anything_is_sent(kitchen: SimpleNamespace) -> None:
    kitchen.admission.refuses = QueueFull("full", 3.0)
    with pytest.raises(QueueFull):
        made(kitchen, order(9))
    assert kitchen.batcher.asked == []
    kitchen.admission.refuses = None
    kitchen.lifecycle.drain()
    with pytest.raises(Draining):
        made(kitchen, order(9))


def test_a_reader_that_stops_stops_the_making(kitchen: SimpleNamespace) -> None:
    async def main() -> None:
        async with aclosing(kitchen.archives.write(order(400))) as parts:
            for _ in range(3):  # head, metadata, first piece
                await anext(parts)
            await anext(parts)
            await until(lambda: len(kitchen.batcher.asked) == 2 + archive._AHEAD)
            await asyncio.sleep(0.05)
        assert len(kitchen.batcher.asked) == 2 + archive._AHEAD

    asyncio.run(main())


def test_closing_frees_its_place_and_what_waits(kitchen: SimpleNamespace) -> None:
    async def main() -> None:
        async with aclosing(kitchen.archives.write(order(400))) as parts:
            for _ in range(3):
                await anext(parts)
            kitchen.batcher.gate = asyncio.Event()
            reading = asyncio.ensure_future(anext(parts))
            await until(lambda: len(kitchen.batcher.asked) == 1 + archive._TURNS)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        assert kitchen.batcher.cancelled == archive._TURNS * BATCH
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert kitchen.archives._open == {}

    asyncio.run(main())


def test_all_archives_of_a_client_take_turns_together(kitchen: SimpleNamespace) -> None:
    async def main() -> None:
        kitchen.batcher.gate = gate = asyncio.Event()
        reading = [asyncio.ensure_future(whole(kitchen.archives.write(order(12)))) for _ in range(3)]
        other = asyncio.ensure_future(whole(kitchen.archives.write(order(12, client="d"))))
        await until(lambda: len(kitchen.batcher.asked) == archive._TURNS + 1)
        await asyncio.sleep(0.02)
        assert [asked.client for asked in kitchen.batcher.asked] == ["c", "c", "d"]
        gate.set()
        sizes = await asyncio.gather(*reading, other)
        assert len(set(sizes)) == 1

    asyncio.run(main())


async def whole(parts: AsyncGenerator[bytes, None]) -> int:
    return sum([len(part) async for part in parts])


def test_a_full_queue_slows_it_and_does_not_end_it(kitchen: SimpleNamespace) -> None:
    refused = []

    class Full:
        async def wait(self) -> None:
            if len(kitchen.batcher.asked) in (2, 3):
                refused.append(True)
                raise QueueFull("4096 images wait", 0.001)

    kitchen.batcher.gate = Full()
    assert len(made(kitchen, order(12)).namelist()) == 13
    assert refused == [True, True]


def test_a_piece_that_fails_ends_it_at_its_turn(kitchen: SimpleNamespace) -> None:
    async def main() -> None:
        parts = kitchen.archives.write(order(400))
        for _ in range(3):
            await anext(parts)
        kitchen.batcher.failure = EngineFailed("nan")
        with pytest.raises(EngineFailed):
            await whole(parts)
        assert kitchen.archives._open == {}

    asyncio.run(main())


def test_so_many_are_read_at_once_and_no_more(kitchen: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "OPEN", 5)

    async def main() -> None:
        clients = ["c"] * archive.OPEN_OF_CLIENT + ["d"]
        reading = [kitchen.archives.write(order(9, client=client)) for client in clients]
        for parts in reading:
            await anext(parts)
        with pytest.raises(QuotaExceeded, match="yours"):
            await anext(kitchen.archives.write(order(9)))
        with pytest.raises(QueueFull, match="5 archives"):
            await anext(kitchen.archives.write(order(9, client="e")))
        await reading[0].aclose()
        assert await whole(kitchen.archives.write(order(9))) > 0
        for parts in reading[1:]:
            await parts.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"balanced": True}, [0, 1, 2, 0, 1, 2, 0, 1]),
        ({"labels": ["bag", 0, 0], "label_fields": ["labels.0", "labels.1", "labels.2"]}, [2, 0, 0, 2, 0, 0, 2, 0]),
        ({"labels": ["Shoe"], "label_fields": ["label"]}, [1] * 8),
    ],
)
def test_labels_are_dealt_in_turn(kitchen: SimpleNamespace, choice: dict[str, Any], expected: list[int]) -> None:
    made(kitchen, order(8, **choice))
    assert labels(kitchen) == expected


def test_balance_needs_classes(paint_model: Any, paint_registry: Any, kitchen: SimpleNamespace) -> None:
    kitchen.archives._pipeline._registry.served.append(paint_model("avatars"))
    with pytest.raises(InvalidField, match="no classes"):
        made(kitchen, order(8, model="avatars", balanced=True))
