import gc
import sys

from app import loading


def test_what_was_imported_is_not_walked_by_the_collector_again() -> None:
    loading._set_libraries_aside()
    try:
        assert gc.get_freeze_count() > 0
        assert not any(found is sys.modules["logging"].__dict__ for found in gc.get_objects())
    finally:
        gc.unfreeze()
        loading._set_libraries_aside.cache_clear()
