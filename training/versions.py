"""models/NAME/VERSION on the disk: a new version appears whole, by one rename, or not at all."""

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def next_version(model: Path) -> int:
    """One more than the highest number in models/NAME, whatever state that version is in; 1 if there is none."""
    names = [path.name for path in model.iterdir()] if model.is_dir() else []
    return max((int(name) for name in names if name.isascii() and name.isdigit()), default=0) + 1


def write_version(model: Path, version: int, files: Mapping[str, bytes]) -> Path:
    """Writes models/NAME/VERSION and returns it. On any failure raises OSError and leaves no trace.

    The files and their folder are flushed before the rename, the folder of versions after it, so that after a power
    failure the version is there whole or not at all.
    """
    target, staging = model / str(version), model / f".{version}.{secrets.token_hex(4)}.tmp"
    ours, first = staging, not model.exists()
    try:
        model.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
        for name, data in files.items():
            _write(staging / name, data)
        _flush(staging)
        staging.rename(target)
        ours = target
        _flush(model)
        _flush(model.parent)
    except BaseException:
        shutil.rmtree(ours, ignore_errors=True)
        if first:
            with suppress(OSError):  # not there, or somebody else's version is in it by now
                model.rmdir()
        raise
    return target


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
