import gc
import sys
from types import SimpleNamespace
from typing import Any

from app import loading
from app.lifecycle import Lifecycle
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
