"""A small folder of real drawings, made here, that trains in seconds."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw


def _draw(random: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", (32, 32), "white")
    left, top, size = (int(n) for n in random.integers(2, 14, 3))
    colour = tuple(int(n) for n in random.integers(0, 200, 3))
    ImageDraw.Draw(image).ellipse((left, top, left + size + 4, top + size + 4), fill=colour)
    return image


@pytest.fixture(scope="session")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """64 discs of all colours and sizes, 32x32 PNG, in two folders by number."""
    folder = tmp_path_factory.mktemp("drawings")
    random = np.random.default_rng(0)
    for number in range(64):
        path = folder / ("even" if number % 2 == 0 else "odd") / f"{number:03d}.png"
        path.parent.mkdir(exist_ok=True)
        _draw(random).save(path)
    return folder
