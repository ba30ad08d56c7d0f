import io

import numpy as np
import pytest
from PIL import Image

from training.sheet import png, sheet


def tiles(count, channels=3, height=4, width=5):
    values = np.random.default_rng(0).integers(0, 256, (count, height, width, channels))
    return values.astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("count", "columns", "rows", "across"), [(1, None, 1, 1), (5, None, 2, 3), (16, 4, 4, 4), (3, 4, 1, 4)]
)
def test_every_tile_stands_in_its_cell_and_the_rest_is_zero(channels, count, columns, rows, across):
    images = tiles(count, channels)
    laid = sheet(images, columns)
    assert laid.shape == (rows * 4, across * 5, channels)
    for index in range(rows * across):
        row, column = divmod(index, across)
        cell = laid[row * 4 : row * 4 + 4, column * 5 : column * 5 + 5]
        np.testing.assert_array_equal(cell, images[index] if index < count else np.zeros_like(cell))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_png_keeps_every_level(channels, mode):
    image = sheet(tiles(4, channels))
    with Image.open(io.BytesIO(png(image))) as read:
        assert read.mode == mode
        assert read.info == {}
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)


def test_transparent_pixels_keep_their_colour():
    image = np.zeros((2, 2, 4), np.uint8)
    image[..., 0] = 200
    with Image.open(io.BytesIO(png(image))) as read:
        np.testing.assert_array_equal(np.asarray(read), image)


@pytest.mark.parametrize(
    "images", [np.zeros((0, 2, 2, 3), np.uint8), np.zeros((2, 2, 3), np.uint8), np.zeros((1, 2, 2, 3), np.float32)]
)
def test_other_arrays_are_refused(images):
    with pytest.raises(ValueError, match="images must be"):
        sheet(images)


def test_no_columns_are_refused():
    with pytest.raises(ValueError, match="columns"):
        sheet(tiles(4), 0)


@pytest.mark.parametrize("image", [np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3))])
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match="an image must be"):
        png(image)
