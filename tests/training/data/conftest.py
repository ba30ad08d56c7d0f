"""Pictures for the tests: made, not stored."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import zoo_files


@pytest.fixture(scope="session")
def draw() -> Callable:
    """draw(seed, width, height) -> a smooth RGB picture, another for each seed."""
    return zoo_files.draw


@pytest.fixture(scope="session")
def encoded() -> Callable:
    """encoded(picture, format, **options) -> the bytes of the file."""
    return zoo_files.encoded


@pytest.fixture(scope="session")
def fill(draw: Callable) -> Callable[..., Path]:
    """fill(folder, count, first=0, side=48) -> the folder, with `count` different PNG files more."""

    def write(folder: Path, count: int, first: int = 0, side: int = 48) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(first, first + count):
            draw(seed, side).save(folder / f"{seed:05d}.png")
        return folder

    return write
