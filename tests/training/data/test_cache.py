import errno
from pathlib import Path

import numpy as np
import pytest

from training.data import cache

KEY = "0123456789abcdef" * 4


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 8, 8, 3), dtype=np.uint8)


def store(folder: Path, images: np.ndarray) -> None:
    cache.store(folder, KEY, [images[:4], images[4:]], images.shape, {"labels": [1, 2]})


def test_what_was_stored_is_loaded(tmp_path, images):
    store(tmp_path / "new" / "cache", images)
    loaded, facts = cache.load(tmp_path / "new" / "cache", KEY) or pytest.fail("nothing loaded")
    np.testing.assert_array_equal(loaded, images)
    assert isinstance(loaded, np.memmap)
    assert not loaded.flags.writeable
    assert facts["labels"] == [1, 2]
    assert sorted(path.suffix for path in (tmp_path / "new" / "cache").iterdir()) == [".json", ".npy"]


def test_numpy_alone_can_read_it(tmp_path, images):
    store(tmp_path, images)
    np.testing.assert_array_equal(np.load(next(tmp_path.glob("*.npy"))), images)


def test_another_key_is_another_cache(tmp_path, images):
    store(tmp_path, images)
    assert cache.load(tmp_path, "f" * 64) is None
    assert cache.load(tmp_path / "nowhere", KEY) is None


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"null", b"\x93NUMPY", b"\xff\xfe"])
def test_a_damaged_cache_is_none(tmp_path, images, suffix, damage):
    store(tmp_path, images)
    next(tmp_path.glob(f"*{suffix}")).write_bytes(damage)
    assert cache.load(tmp_path, KEY) is None


def test_one_changed_byte_or_a_lost_end_is_noticed(tmp_path, images):
    store(tmp_path, images)
    path = next(tmp_path.glob("*.npy"))
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert cache.load(tmp_path, KEY) is None
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert cache.load(tmp_path, KEY) is None
    path.write_bytes(data)
    assert cache.load(tmp_path, KEY) is not None


def test_a_full_disk_leaves_nothing_half_done(tmp_path, images):
    def blocks():
        yield images[:4]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        cache.store(tmp_path, KEY, blocks(), images.shape, {})
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_former_cache_as_it_was(tmp_path, images, monkeypatch):
    store(tmp_path, images)

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(OSError, match="Input/output"):
        cache.store(tmp_path, KEY, [images[::-1]], images.shape, {})
    loaded, _ = cache.load(tmp_path, KEY) or pytest.fail("nothing loaded")
    np.testing.assert_array_equal(loaded, images)


def test_a_scratch_file_is_gone_afterwards(tmp_path):
    with cache.scratch(tmp_path / "cache") as file:
        file.write(b"abc")
        assert len(list((tmp_path / "cache").iterdir())) == 1
    assert list((tmp_path / "cache").iterdir()) == []
    with pytest.raises(ZeroDivisionError), cache.scratch(tmp_path / "cache"):
        raise ZeroDivisionError
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path, images):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        store(tmp_path / "file", images)
