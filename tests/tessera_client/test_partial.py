from pathlib import Path

import pytest

from tessera_client import partial


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    with partial.file(tmp_path / "a") as opened:
        opened.write(b"whole")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"whole"
    with pytest.raises(OSError, match="full"):
        write_half(tmp_path / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def write_half(path: Path) -> None:
    with partial.file(path) as opened:
        opened.write(b"half")
        raise OSError("the disk is full")


def test_a_folder_that_is_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), partial.file(tmp_path / "none" / "a"):
        pass
