import numpy as np
import pytest
from PIL import Image

from training.data.colour import grey, is_grey, is_transparent, on_white, to_channels


@pytest.fixture
def rgba() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16, 4), dtype=np.uint8)


def test_on_white_is_the_rounded_mixture(rgba):
    alpha = rgba[..., 3:] / 255
    np.testing.assert_array_equal(on_white(rgba), np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)))


def test_opaque_images_stay_as_they_are_and_clear_ones_become_white(rgba):
    rgba[..., 3] = 255
    np.testing.assert_array_equal(on_white(rgba), rgba[..., :3])
    rgba[..., 3] = 0
    assert (on_white(rgba) == 255).all()


def test_grey_is_what_pillow_makes_of_it(rgba):
    expected = np.asarray(Image.fromarray(rgba[0, ..., :3]).convert("L"))
    np.testing.assert_array_equal(grey(rgba[0, ..., :3])[..., 0], expected)


def test_grey_of_grey_is_itself():
    levels = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    np.testing.assert_array_equal(grey(levels)[:, 0], levels[:, 0])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_to_channels_has_that_many(rgba, channels):
    assert to_channels(rgba, channels).shape == (5, 16, 16, channels)
    assert to_channels(rgba[:0], channels).shape == (0, 16, 16, channels)


@pytest.mark.parametrize("channels", [0, 2, 5, -1])
def test_other_numbers_of_channels_are_refused(rgba, channels):
    with pytest.raises(ValueError, match="channels must be 1, 3 or 4"):
        to_channels(rgba, channels)


def test_one_coloured_pixel_makes_an_image_coloured():
    image = np.full((8, 8, 3), 90, np.uint8)
    assert is_grey(image)
    image[7, 7, 1] = 91
    assert not is_grey(image)


def test_an_alpha_channel_that_hides_nothing_is_no_transparency():
    image = np.full((8, 8, 4), 128, np.uint8)
    assert not is_transparent(image)
    image[0, 0, 3] = 127
    assert is_transparent(image)
