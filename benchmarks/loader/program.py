"""The program, compiled when it is first wanted."""

import subprocess
import sys
import tempfile
import zlib
from functools import cache
from pathlib import Path

_SOURCES = Path(__file__).parent
_COMPILED = _SOURCES.parents[1] / "out" / "loader"
_COMPILER = "cc"
_OPTIONS = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra"]


class LoaderError(Exception):
    """The program cannot be made here."""


@cache
def program() -> Path:
    """The file to start: out/loader/ and a checksum of the sources. Raises LoaderError."""
    if sys.platform != "linux":
        raise LoaderError("the load client waits by epoll, which only Linux has: run benchmarks of the service there")
    files = sorted(_SOURCES.glob("*.[ch]"))
    checksum = zlib.crc32(b"".join(file.read_bytes() for file in files))
    target = _COMPILED / f"{checksum:08x}"
    if not target.exists():
        _COMPILED.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_COMPILED) as folder:
            made = Path(folder) / "loader"
            _compile([file for file in files if file.suffix == ".c"], made)
            made.replace(target)  # whole or not at all, whoever else compiles it
    return target


def _compile(sources: list[Path], target: Path) -> None:
    command = [_COMPILER, *_OPTIONS, "-o", str(target), *map(str, sources), "-lm"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LoaderError(
            f"the load client is written in C and wants a compiler named {_COMPILER}: install gcc or clang"
        ) from None
    if done.returncode:
        raise LoaderError(f"{' '.join(command)} failed:\n{done.stderr}")
