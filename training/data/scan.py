"""Looks at every candidate file, twice and in parallel: first its header and hash, then its pixels.

The order of the candidates is kept throughout; what cannot be used leaves a Rejected with its name and reason.
This file owns the threads of data preparation; the image decoders release the interpreter lock.
"""

import hashlib
import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from training.data.colour import is_grey, is_transparent, on_white
from training.data.decode import Fit, Header, decode, inspect
from training.data.errors import Reject
from training.data.folder import Candidate
from training.data.phash import thumbnail

MAX_FILE_BYTES = 100_000_000
THREADS = min(4, os.cpu_count() or 1)
WINDOW = 256
"""Files in flight: bounds the memory, whatever the size of the folder."""

Progress = Callable[[str, int, int], None]
"""Called with ("reading" or "decoding", files done, files in all)."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Rejected:
    name: str
    reason: str


@dataclass(frozen=True)
class Inspected:
    """A file whose header is good; `sha256` is of the whole file."""

    candidate: Candidate
    header: Header
    sha256: str


@dataclass(frozen=True)
class Look:
    """What is kept of one decoded image besides its pixels."""

    inspected: Inspected
    pixel_hash: bytes
    thumbnail: np.ndarray
    transparent: bool
    grey: bool


def read(path: Path) -> bytes:
    """The bytes of a regular file. Raises Reject; never opens a pipe or a device."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Reject("not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise Reject(f"too large: {status.st_size // 1_000_000} MB; at most {MAX_FILE_BYTES // 1_000_000} MB")
        return path.read_bytes()
    except OSError as error:
        raise Reject(f"cannot be read: {error.strerror or error}") from error


def inspect_all(
    candidates: Sequence[Candidate], fit: Fit, progress: Progress | None = None
) -> tuple[list[Inspected], list[Rejected]]:
    """Reads every file once: header and hash."""

    def look(candidate: Candidate) -> Inspected | Rejected:
        try:
            data = read(candidate.path)
            return Inspected(candidate, inspect(data, fit), hashlib.sha256(data).hexdigest())
        except Reject as reason:
            return Rejected(candidate.name, str(reason))

    files: list[Inspected] = []
    rejects: list[Rejected] = []
    for result in _in_order(look, candidates, "reading", progress):
        if isinstance(result, Rejected):
            rejects.append(result)
        else:
            files.append(result)
    return files, rejects


def decode_all(
    files: Sequence[Inspected],
    resolution: int,
    fit: Fit,
    write: Callable[[np.ndarray], object],
    progress: Progress | None = None,
) -> tuple[list[Look], list[Rejected]]:
    """Decodes every file; `write` is given the uint8 [R, R, 4] of each Look, in order, in the calling thread."""

    def look(file: Inspected) -> tuple[Look, np.ndarray] | Rejected:
        try:
            data = read(file.candidate.path)
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise Reject("changed while it was being read")
            pixels = decode(data, resolution, fit)
        except Reject as reason:
            return Rejected(file.candidate.name, str(reason))
        rgb, pixel_hash = on_white(pixels), hashlib.sha256(pixels.data).digest()
        return Look(file, pixel_hash, thumbnail(rgb), is_transparent(pixels), is_grey(rgb)), pixels

    looks: list[Look] = []
    rejects: list[Rejected] = []
    for result in _in_order(look, files, "decoding", progress):
        if isinstance(result, Rejected):
            rejects.append(result)
        else:
            looks.append(result[0])
            write(result[1])
    return looks, rejects


def _in_order(work: Callable[[T], R], items: Sequence[T], stage: str, progress: Progress | None) -> Iterator[R]:
    with ThreadPoolExecutor(THREADS, thread_name_prefix="images") as pool, warnings.catch_warnings():
        # Pillow warns of odd metadata without saying in which file; filters are global, so not in the worker threads.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        for start in range(0, len(items), WINDOW):
            yield from pool.map(work, items[start : start + WINDOW])
            if progress is not None:
                progress(stage, min(start + WINDOW, len(items)), len(items))
