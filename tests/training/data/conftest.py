"""Pictures for the tests: made, not stored."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Draw = Callable[..., Image.Image]
Write = Callable[..., bytes]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """draw(seed, width, height) -> a smooth RGB picture, another for each seed."""

    def picture(seed: int, width: int = 48, height: int | None = None) -> Image.Image:
        corners = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
        return Image.fromarray(corners).resize((width, height or width), Image.Resampling.BICUBIC)

    return picture


@pytest.fixture(scope="session")
def encoded() -> Write:
    """encoded(picture, format, **options) -> the bytes of the file."""

    def write(picture: Image.Image, format: str = "PNG", **options: Any) -> bytes:
        file = io.BytesIO()
        picture.save(file, format, **options)
        return file.getvalue()

    return write


@pytest.fixture(scope="session")
def fill(draw: Draw) -> Callable[..., Path]:
    """fill(folder, count, first=0, side=48) -> the folder, with `count` different PNG files more."""

    def write(folder: Path, count: int, first: int = 0, side: int = 48) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for seed in range(first, first + count):
            draw(seed, side).save(folder / f"{seed:05d}.png")
        return folder

    return write
