"""A file that has its name only when it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import IO


@contextmanager
def file(path: str | PathLike[str]) -> Iterator[IO[bytes]]:
    """Open for writing as `path`.part; renamed to `path` at the end, or removed when something is raised."""
    unfinished = Path(f"{Path(path)}.part")
    try:
        with unfinished.open("wb") as opened:
            yield opened
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
