import numpy as np
import pytest

from app.resizing import resized


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("height", [1, 7, 8, 33])
def test_the_size_is_as_asked_and_the_shape_is_kept(channels: int, height: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 16, channels), np.uint8)
    made = resized(image, height)
    assert made.shape == (height, max(1, 2 * height), channels)
    assert made.dtype == np.uint8
    assert (resized(image, height) == made).all()


def test_its_own_size_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    assert resized(image, 8) is image


def test_what_is_transparent_does_not_bleed() -> None:
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4] = (255, 0, 0, 255)
    image[:, 4:] = (0, 255, 0, 0)
    made = resized(image, 32)
    assert made[made[..., 3] > 8][:, 1].max() == 0
