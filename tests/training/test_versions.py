"""A version appears whole or not at all: every operation on the disk is made to fail, one after the other."""

import io
import os
import shutil
import stat
from pathlib import Path

import pytest

from training.versions import next_version, write_version

FILES = {"generator.pt": b"weights" * 1000, "manifest.json": b"{}"}


def everything_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(
    ("present", "version"),
    [
        ([], 1),
        (["1"], 2),
        (["1", "2", "10"], 11),
        (["3"], 4),
        ([".4.ab12.tmp", "latest", "1"], 2),
        (["\u0669"], 1),
        (["007"], 8),
    ],
)
def test_the_next_version_is_beyond_every_number_there(tmp_path, present, version):
    for name in present:
        (tmp_path / name).mkdir()
    assert next_version(tmp_path) == version


def test_the_first_version_of_a_model_that_is_not_there(tmp_path):
    assert next_version(tmp_path / "none") == 1


def test_all_files_are_there_and_nothing_else(tmp_path):
    folder = write_version(tmp_path / "models" / "avatars", 1, FILES)
    assert folder == tmp_path / "models" / "avatars" / "1"
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    assert everything_below(tmp_path / "models") == ["avatars", "avatars/1", *(f"avatars/1/{name}" for name in FILES)]


def test_others_can_read_it(tmp_path):
    """The service runs as another user; a folder of tempfile's would be closed to it."""
    before = os.umask(0o022)
    try:
        folder = write_version(tmp_path / "avatars", 1, FILES)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert stat.S_IMODE((folder / "generator.pt").stat().st_mode) == 0o644


def test_a_version_that_is_there_is_never_touched(tmp_path):
    write_version(tmp_path / "avatars", 1, {"manifest.json": b"first"})
    with pytest.raises(OSError, match="1"):
        write_version(tmp_path / "avatars", 1, FILES)
    assert everything_below(tmp_path) == ["avatars", "avatars/1", "avatars/1/manifest.json"]
    assert (tmp_path / "avatars" / "1" / "manifest.json").read_bytes() == b"first"


class FaultyDisk:
    """Fails the k-th operation and counts them all; what cleans up afterwards works."""

    def __init__(self, monkeypatch, k, error):
        self.k, self.error, self.operations = k, error, []
        self._patch(monkeypatch, os, "fsync", lambda descriptor: "fsync")
        self._patch(monkeypatch, os, "rename", lambda source, target: "rename")
        self._patch(monkeypatch, os, "mkdir", lambda path, *_: f"mkdir {Path(path).name[:3]}")
        self._patch(monkeypatch, os, "open", lambda path, *_: "open folder")
        real_open = io.open

        def opened(path, mode="r", *rest, **options):
            file = real_open(path, mode, *rest, **options)
            return self._faulty_file(file) if mode == "wb" else file

        monkeypatch.setattr(io, "open", opened)

    def happen(self, operation):
        self.operations.append(operation)
        if len(self.operations) == self.k:
            raise self.error

    def _patch(self, monkeypatch, module, name, said):
        real = getattr(module, name)

        def call(*arguments, **options):
            self.happen(said(*arguments))
            return real(*arguments, **options)

        monkeypatch.setattr(module, name, call)

    def _faulty_file(self, file):
        disk = self

        class Faulty(io.BufferedWriter):
            def write(self, data):
                disk.happen("write")
                return super().write(data)

            def flush(self):
                disk.happen("flush")
                return super().flush()

        return Faulty(file.detach())


def publish_on(monkeypatch, model, k, error):
    with monkeypatch.context() as patch:
        disk = FaultyDisk(patch, k, error)
        try:
            write_version(model, 2, FILES)
        except type(error):
            return disk, True
    return disk, False


def test_every_operation_is_among_those_that_are_made_to_fail(tmp_path, monkeypatch):
    disk, failed = publish_on(monkeypatch, tmp_path / "avatars", 10**6, OSError())
    assert not failed
    assert disk.operations.count("write") == len(FILES)
    assert disk.operations.count("fsync") == len(FILES) + 3
    assert disk.operations.count("rename") == 1
    assert disk.operations.count("mkdir ava") == 1
    assert disk.operations.count("mkdir .2.") == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("first", [True, False])
def test_nothing_is_left_whichever_operation_fails(tmp_path, monkeypatch, error, first):
    model = tmp_path / "models" / "avatars"
    model.parent.mkdir()
    if not first:
        write_version(model, 1, FILES)
    before = everything_below(tmp_path)
    k = failures = 0
    while True:
        k += 1
        disk, failed = publish_on(monkeypatch, model, k, error)
        if not failed:
            assert {path.name: path.read_bytes() for path in (model / "2").iterdir()} == FILES
            if len(disk.operations) < k:  # there was nothing left to fail
                break
            shutil.rmtree(model / "2")  # making a folder that is there already may fail unnoticed
        failures += failed
        assert everything_below(tmp_path) == before, disk.operations[-1]
    assert failures >= k - 2


def test_when_the_place_was_taken_meanwhile_the_other_version_stays(tmp_path, monkeypatch):
    model = tmp_path / "avatars"
    real = os.rename

    def too_late(source, target):
        if Path(target).name == "1":
            monkeypatch.setattr(os, "rename", real)
            write_version(model, 1, {"manifest.json": b"theirs"})
        return real(source, target)

    monkeypatch.setattr(os, "rename", too_late)
    with pytest.raises(OSError, match="1"):
        write_version(model, 1, FILES)
    assert everything_below(tmp_path) == ["avatars", "avatars/1", "avatars/1/manifest.json"]
    assert (model / "1" / "manifest.json").read_bytes() == b"theirs"


def test_a_really_full_disk_is_survived(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write_version(tmp_path / "avatars", 1, FILES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert everything_below(tmp_path) == []
