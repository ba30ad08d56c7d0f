"""Pictures with the properties that encoders and decoders trip over."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Pixels]


def _flat(height: int, width: int, channels: int) -> Pixels:
    """Like a drawing: large areas of exactly one colour, repeated."""
    image = np.full((height, width, channels), 255, np.uint8)
    for i in range(0, height, 16):
        image[i : i + 9, i % 23 : i % 23 + 31] = np.arange(30, 30 + channels) + i % 7
    return image


def _smooth(height: int, width: int, channels: int) -> Pixels:
    """Like a photograph: slow gradients with a little noise."""
    y, x, c = np.ogrid[:height, :width, :channels]
    noise = np.random.default_rng(5).integers(0, 3, (height, width, channels))
    return ((y * 2 + x * (c + 1) + noise) % 256).astype(np.uint8)


def _noise(height: int, width: int, channels: int) -> Pixels:
    return np.random.default_rng(6).integers(0, 256, (height, width, channels), np.uint8)


@pytest.fixture(params=[_flat, _smooth, _noise], ids=["flat", "smooth", "noise"])
def draw(request: pytest.FixtureRequest) -> Draw:
    function: Draw = request.param
    return function


@pytest.fixture
def flat() -> Draw:
    return _flat


@pytest.fixture
def smooth() -> Draw:
    return _smooth


@pytest.fixture
def noise() -> Draw:
    return _noise
