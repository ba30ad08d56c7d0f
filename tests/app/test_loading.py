import asyncio
import gc
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from app import loading
from app.errors import DeviceLost
from app.lifecycle import Lifecycle, Stage
from app.settings import Settings
from app.telemetry import Telemetry


def test_what_was_imported_is_not_walked_by_the_collector_again() -> None:
    loading._set_libraries_aside()
    try:
        assert gc.get_freeze_count() > 0
        assert not any(found is sys.modules["logging"].__dict__ for found in gc.get_objects())
    finally:
        gc.unfreeze()
        loading._set_libraries_aside.cache_clear()


class Engine:
    max_batch_size = usual_batch_size = 8
    lanes, images_per_second = 1, 0.0

    @staticmethod
    def lead(action: object) -> bool:
        return False


def test_a_batcher_has_its_engines_leader() -> None:
    engine: Any = Engine()
    manifest: Any = SimpleNamespace(ref="avatars@1", capabilities=["generate"])
    registry = loading.open_registry(Settings(), Lifecycle(), Telemetry())
    assert registry._build_batcher(manifest, engine)._worker._lead is engine.lead


class Unreadable:
    """A registry whose folder cannot be loaded at all."""

    refused: tuple[()] = ()

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def reload(self) -> None:
        raise self._error

    def models(self) -> list[Any]:
        return []


def loaded_from(error: Exception) -> Lifecycle:
    registry: Any = Unreadable(error)
    lifecycle = Lifecycle()
    asyncio.run(loading.load(registry, lifecycle))
    return lifecycle


def test_what_nobody_expected_while_loading_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    lifecycle = loaded_from(OSError("the disk is gone"))
    assert (lifecycle.stage, lifecycle.reason) == (Stage.EMPTY, "the models could not be loaded; the log says why")
    assert "the disk is gone" in caplog.text


def test_a_device_lost_while_loading_is_not_an_empty_folder() -> None:
    lifecycle = loaded_from(DeviceLost("it fell off the bus"))
    assert lifecycle.stage is Stage.LOST
    assert "it fell off the bus" in lifecycle.reason
