"""A checkpoint is whole or absent: every write, flush and rename is made to fail in turn."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from training import checkpoint
from training.checkpoint import CheckpointError

STATE = {
    "steps": 7,
    "networks": {"weight": torch.arange(6.0).reshape(2, 3), "half": torch.ones(2, dtype=torch.bfloat16)},
    "adam": {"state": {0: {"step": torch.tensor(3.0)}}, "groups": [{"lr": 1e-4, "params": [0, 1], "name": None}]},
    "random": torch.get_rng_state(),
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    checkpoint.write(tmp_path / "c", STATE)
    assert same(checkpoint.read(tmp_path / "c"), STATE)


def test_tied_and_strided_tensors_are_kept(tmp_path: Path) -> None:
    tied = torch.arange(4.0)
    checkpoint.write(tmp_path / "c", {"a": tied, "b": tied, "t": torch.arange(6.0).reshape(2, 3).T})
    assert same(checkpoint.read(tmp_path / "c"), {"a": tied, "b": tied, "t": torch.arange(6.0).reshape(2, 3).T})


def test_only_the_newest_stays(tmp_path: Path) -> None:
    checkpoint.save_step(tmp_path, 900, {"n": 1})
    newest = checkpoint.save_step(tmp_path, 1000, {"n": 2})
    assert list(tmp_path.iterdir()) == [newest]
    assert checkpoint.latest(tmp_path) == newest


def test_a_run_without_checkpoints_has_no_latest(tmp_path: Path) -> None:
    assert checkpoint.latest(tmp_path) is None


@pytest.mark.parametrize("damage", [b"", b"junk", b"\xff" * 100])
def test_a_damaged_file_is_named_and_passed_over(tmp_path: Path, damage: bytes) -> None:
    good = checkpoint.save_step(tmp_path, 10, {"n": 1})
    bad = tmp_path / "checkpoint-0000000020.safetensors"
    bad.write_bytes(damage)
    with pytest.raises(CheckpointError, match="0000000020"):
        checkpoint.read(bad)
    assert checkpoint.latest(tmp_path) == good


def test_a_file_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    checkpoint.write(path, STATE)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(len(whole) // 40, 1)):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError):
            checkpoint.read(path)


def test_safetensors_of_somebody_else_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.ones(1)}, tmp_path / "c")
    with pytest.raises(CheckpointError, match="not a readable checkpoint"):
        checkpoint.read(tmp_path / "c")


def _fail(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("broken", ["write", "fsync", "rename", "folder", "read back"])
def test_whatever_fails_the_previous_checkpoint_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    previous = checkpoint.save_step(tmp_path, 10, {"n": 1})
    _break(monkeypatch, broken)
    with pytest.raises(CheckpointError, match="could not be written"):
        checkpoint.save_step(tmp_path, 20, {"n": 2})
    monkeypatch.undo()
    assert checkpoint.read(previous) == {"n": 1}
    assert not list(tmp_path.glob(".*.tmp"))
    assert checkpoint.read(checkpoint.latest(tmp_path) or tmp_path)["n"] in (1, 2)


def _break(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    if what == "write":
        monkeypatch.setattr(Path, "open", lambda *a, **k: _FullDisk())
    elif what == "fsync":
        monkeypatch.setattr(os, "fsync", _fail)
    elif what == "rename":
        monkeypatch.setattr(Path, "replace", _fail)
    elif what == "folder":
        monkeypatch.setattr(checkpoint, "_flush_folder", _fail)
    else:
        monkeypatch.setattr(checkpoint, "read", _fail)


class _FullDisk:
    """A file that opens and then takes nothing."""

    write = _fail

    def __enter__(self) -> "_FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        return None
