"""Decoded images on disk: one .npy that is memory-mapped, and a JSON beside it that says what it holds and proves it
whole.

Both are written under temporary names and renamed, the JSON last: a cache without it, or with other bytes than it
says, is none.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

BLOCK = 1 << 20


def load(cache: Path, key: str) -> tuple[np.ndarray, dict[str, Any]] | None:
    """(uint8 [N, R, R, C] memory-mapped read-only, facts) as they were stored under the key; None if not there or
    damaged."""
    try:
        facts = json.loads(_facts_path(cache, key).read_text("utf-8"))
        if _sha256(_images_path(cache, key)) != facts["images_sha256"]:
            return None
        images = np.load(_images_path(cache, key), mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return images, facts


def store(cache: Path, key: str, images: Iterable[np.ndarray], shape: tuple[int, ...], facts: dict[str, Any]) -> None:
    """images: uint8 blocks that, one after the other, make up an array of this shape. Raises OSError (disk full),
    leaving nothing."""
    cache.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with _renamed(_images_path(cache, key)) as file:
        # Written and not mapped: on a full disk a write raises, a map kills the process.
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.flush()
        digest.update(Path(file.name).read_bytes())
        for block in images:
            pixels = np.ascontiguousarray(block).data
            digest.update(pixels)
            file.write(pixels)
    with _renamed(_facts_path(cache, key)) as file:
        file.write(json.dumps({**facts, "images_sha256": digest.hexdigest()}, ensure_ascii=False).encode())


@contextmanager
def scratch(cache: Path) -> Iterator[IO[bytes]]:
    """A file of the cache's disk that is gone afterwards, whatever happens."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / f"scratch.{os.getpid()}.tmp"
    try:
        with path.open("w+b") as file:
            yield file
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _renamed(path: Path) -> Iterator[IO[bytes]]:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def _images_path(cache: Path, key: str) -> Path:
    return cache / f"images-{key[:16]}.npy"


def _facts_path(cache: Path, key: str) -> Path:
    return cache / f"images-{key[:16]}.json"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
