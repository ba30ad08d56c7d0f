"""A checkpoint is whole or absent: every write, flush and rename is made to fail in turn."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch

from training import checkpoint, ranks
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


class Killed(BaseException):
    """kill -9: nothing is caught, nothing is cleaned up."""


class Faults:
    """Lets the call number `at` fail, of all that a checkpoint asks of the operating system."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int, error: BaseException) -> None:
        self.calls: list[str] = []
        self._at = at
        self._error = error
        for place, name in [
            (os, "open"),
            (os, "fsync"),
            (Path, "replace"),
            (Path, "unlink"),
            (checkpoint, "safe_open"),
        ]:
            patch.setattr(place, name, self._guarded(name, getattr(place, name)))
        really_open = Path.open
        patch.setattr(Path, "open", lambda path, mode: Watched(really_open(path, mode), self))

    def point(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self._at:
            raise self._error

    def _guarded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **more: Any) -> Any:
            self.point(name)
            return function(*arguments, **more)

        return guarded


class Watched:
    """A file in which a write that fails leaves the half of it."""

    def __init__(self, file: Any, faults: Faults) -> None:
        faults.point("create")
        self._file = file
        self._faults = faults

    def write(self, content: bytes) -> None:
        self._file.write(content[: len(content) // 2])
        self._faults.point("write")
        self._file.write(content[len(content) // 2 :])

    def flush(self) -> None:
        self._faults.point("flush")
        self._file.flush()

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number

    def __enter__(self) -> "Watched":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Killed()])
def test_whatever_fails_and_whenever_a_valid_checkpoint_remains(tmp_path: Path, error: BaseException) -> None:
    for at in count(1):
        run = tmp_path / str(at)
        run.mkdir()
        checkpoint.save_step(run, 10, STATE | {"n": 1})
        checkpoint.save_step(run, 20, STATE | {"n": 2}, keep=[10])
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch, at, error)
            try:
                checkpoint.save_step(run, 30, STATE | {"n": 3})
            except (CheckpointError, OSError, Killed):
                assert len(faults.calls) >= at
        kept = checkpoint.latest(run)
        assert kept is not None, faults.calls
        assert checkpoint.read(kept)["n"] in (2, 3)
        after = checkpoint.save_step(run, 40, {"n": 4})
        assert list(run.iterdir()) == [after], faults.calls
        if len(faults.calls) < at:
            break
    assert {"create", "write", "flush", "fsync", "safe_open", "replace", "open", "unlink"} == set(faults.calls)
    assert faults.calls.count("fsync") == 2
    assert faults.calls.count("unlink") == 2
    assert at == len(faults.calls) + 1


@pytest.mark.parametrize("failing", ["write", "fsync", "safe_open", "replace"])
def test_a_checkpoint_that_cannot_be_written_is_an_error_with_a_sentence(tmp_path: Path, failing: str) -> None:
    previous = checkpoint.save_step(tmp_path, 10, {"n": 1})
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, 0, OSError(28, "No space left on device"))
        patch.setattr(faults, "point", lambda name: _fail() if name == failing else None)
        with pytest.raises(CheckpointError, match="could not be written"):
            checkpoint.save_step(tmp_path, 20, {"n": 2})
    assert list(tmp_path.iterdir()) == [previous]


def _fail() -> None:
    raise OSError(28, "No space left on device")


def test_the_ones_to_keep_stay(tmp_path: Path) -> None:
    for images in (10, 20, 30):
        checkpoint.save_step(tmp_path, images, {"n": images}, keep=[10, 20])
    checkpoint.save_step(tmp_path, 40, {"n": 40}, keep=[20])
    assert {path.name for path in tmp_path.iterdir()} == {checkpoint.path_of(tmp_path, n).name for n in (20, 40)}


@pytest.mark.parametrize(
    ("ranks_now", "gpus", "expected"), [(1, 1, [1]), (1, 3, [1, 2]), (2, 2, [1, 1]), (4, 4, [1] * 4)]
)
def test_random_streams_of_gpus_come_back_on_other_numbers_of_them(
    monkeypatch: pytest.MonkeyPatch, ranks_now: int, gpus: int, expected: list[int]
) -> None:
    set_on: dict[int, int] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda stream, device: set_on.update({device: int(stream)}))
    monkeypatch.setattr(ranks, "size", lambda: ranks_now)
    state = {"cpu": torch.get_rng_state(), "cuda": [torch.tensor(1), torch.tensor(2)]}
    checkpoint.restore_random_state(state)
    assert list(set_on.values()) == expected
    assert list(set_on) == list(range(len(expected)))
