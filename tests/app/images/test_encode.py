"""WebP and JPEG: what must be exact is exact, what may be lossy is close, and both carry their metadata."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.images.encode import (
    JPEG_XMP_LIMIT,
    MEDIA_TYPES,
    Format,
    encode,
    encode_jpeg,
    encode_png,
    encode_webp,
)
from app.images.provenance import Recipe

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Pixels]
SIZES = [(1, 1), (1, 40), (40, 1), (7, 3), (65, 63)]
RECIPE = Recipe(model="avatars", version=1, digest="ab" * 32, seeds=[1, 2])


def opened(file: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(file))
    picture.load()
    return picture


def distance(a: Pixels, b: Pixels) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_webp_is_lossless_unless_asked(draw: Draw, height: int, width: int, channels: int) -> None:
    image = draw(height, width, channels)
    file = encode_webp(image)
    np.testing.assert_array_equal(np.asarray(opened(file).convert("RGBA"))[..., :channels], image)
    theirs = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert theirs is not None
    np.testing.assert_array_equal(theirs[..., [2, 1, 0]], image[..., :3])


def test_webp_of_grey_comes_back_as_three_equal_channels(smooth: Draw) -> None:
    image = smooth(20, 30, 1)
    np.testing.assert_array_equal(np.asarray(opened(encode_webp(image))), image.repeat(3, axis=2))


def test_webp_keeps_the_colour_of_transparent_pixels(noise: Draw) -> None:
    image = noise(16, 16, 4)
    image[..., 3] = 0
    image[0, 0, 3] = 255
    np.testing.assert_array_equal(np.asarray(opened(encode_webp(image))), image)


def test_webp_with_quality_is_smaller_and_close(smooth: Draw) -> None:
    image = smooth(128, 128, 3)
    low, high = encode_webp(image, quality=20), encode_webp(image, quality=95)
    assert len(low) < len(high) < len(encode_webp(image))
    assert distance(np.asarray(opened(high)), image) < 6


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_jpeg_is_close(flat: Draw, height: int, width: int, channels: int) -> None:
    image = flat(height, width, channels)
    file = encode_jpeg(image, quality=95)
    ours = np.asarray(opened(file)).reshape(image.shape)
    assert distance(ours, image) < 4
    theirs = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert theirs is not None
    assert distance(theirs.reshape(image.shape)[..., ::-1], image) < 4


def test_jpeg_quality_is_a_trade(noise: Draw) -> None:
    image = noise(64, 64, 3)
    assert len(encode_jpeg(image, quality=10)) < len(encode_jpeg(image)) < len(encode_jpeg(image, quality=100))


def test_jpeg_keeps_colour_at_full_resolution() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, ::2] = (255, 0, 0)
    image[:, 1::2] = (0, 0, 255)
    assert distance(np.asarray(opened(encode_jpeg(image, quality=95))), image) < 5


@pytest.mark.parametrize("alpha", [0, 1, 64, 127, 128, 254, 255])
@pytest.mark.parametrize("background", [(255, 255, 255), (0, 0, 0), (10, 120, 240)])
def test_transparency_is_laid_over_the_background(alpha: int, background: tuple[int, int, int]) -> None:
    colour = np.array((200, 100, 50))
    image = np.empty((16, 16, 4), np.uint8)
    image[..., :3], image[..., 3] = colour, alpha
    expected = np.rint((colour * alpha + np.array(background) * (255 - alpha)) / 255)
    got = np.asarray(opened(encode_jpeg(image, quality=100, background=background)))
    assert np.abs(got - expected).max() <= 3


def test_a_transparent_background_cannot_be_laid_under(noise: Draw) -> None:
    with pytest.raises(ValueError, match="alpha"):
        encode_jpeg(noise(2, 2, 4), background=(1, 2, 3, 4))


@pytest.mark.parametrize("form", ["webp", "jpeg"])
def test_xmp_is_carried(flat: Draw, form: str) -> None:
    save = encode_webp if form == "webp" else encode_jpeg
    assert opened(save(flat(8, 8, 3), xmp=b"<x/>")).info["xmp"] == b"<x/>"
    assert "xmp" not in opened(save(flat(8, 8, 3))).info


def test_xmp_may_fill_its_segment_and_no_more(flat: Draw) -> None:
    full = b"x" * JPEG_XMP_LIMIT
    assert opened(encode_jpeg(flat(8, 8, 3), xmp=full)).info["xmp"] == full
    with pytest.raises(ValueError, match="xmp"):
        encode_jpeg(flat(8, 8, 3), xmp=full + b"x")


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_every_format_is_what_its_media_type_says(flat: Draw, form: Format) -> None:
    file = encode(flat(8, 8, 3), form, recipe=RECIPE)
    assert opened(file).get_format_mimetype() == MEDIA_TYPES[form]


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_equal_requests_give_equal_bytes(draw: Draw, form: Format) -> None:
    image = draw(40, 50, 3)
    assert encode(image, form, recipe=RECIPE) == encode(image.copy(), form, recipe=RECIPE)


@pytest.mark.parametrize("form", MEDIA_TYPES)
def test_without_a_recipe_nothing_is_said(flat: Draw, form: Format) -> None:
    info = opened(encode(flat(8, 8, 3), form)).info
    assert "xmp" not in info
    assert "tessera" not in info


def test_png_has_no_use_for_quality(flat: Draw) -> None:
    assert encode(flat(8, 8, 3), "png", quality=1) == encode_png(flat(8, 8, 3))


@pytest.mark.parametrize("form", ["webp", "jpeg"])
@pytest.mark.parametrize("quality", [-1, 0, 101])
def test_quality_out_of_range_is_refused(flat: Draw, form: Format, quality: int) -> None:
    with pytest.raises(ValueError, match="quality"):
        encode(flat(8, 8, 3), form, quality=quality)


@pytest.mark.parametrize("form", ["webp", "jpeg"])
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 2, 3), np.float32),
        np.zeros((2, 2), np.uint8),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
    ],
    ids=lambda image: f"{image.dtype}{image.shape}",
)
def test_what_is_no_image_is_refused(form: Format, image: Pixels) -> None:
    with pytest.raises(ValueError, match="image must be uint8"):
        encode(image, form)


@pytest.mark.parametrize(("form", "side"), [("webp", 16_384), ("jpeg", 65_501)])
def test_a_side_that_the_format_cannot_hold_is_refused(form: Format, side: int) -> None:
    for shape in ((1, side, 1), (side, 1, 1)):
        with pytest.raises(ValueError, match=f"{side - 1}"):
            encode(np.zeros(shape, np.uint8), form)
    encode(np.zeros((1, side - 1, 1), np.uint8), form)
