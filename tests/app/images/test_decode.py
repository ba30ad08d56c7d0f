"""A zoo of uploads: a good one of each kind gives its pixels, and what is odd about others does no harm."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from app.images.decode import decode_upload
from app.images.uploads import inspect
from tests.app.images.upload_files import STILL, Pixels, chunk, picture, png, png_header, saved

Draw = Callable[[int, int, int], Pixels]


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (7, 3), (64, 64)])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_lossless_files_give_their_exact_pixels(form: str, size: tuple[int, int], mode: str) -> None:
    source = picture(*size, mode)
    if mode == "RGBA":
        source.putpixel((0, 0), (1, 2, 3, 4))  # WebP drops an alpha channel that hides nothing
    image = decode_upload(saved(source, form, lossless=True, exact=True))
    np.testing.assert_array_equal(image, np.asarray(source))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:2:0"}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_every_kind_of_jpeg_gives_what_pillow_makes_of_it(mode: str, options: dict[str, Any]) -> None:
    data = saved(picture(mode="RGB").convert(mode), "JPEG", quality=95, **options)
    with Image.open(io.BytesIO(data)) as plain:
        np.testing.assert_array_equal(decode_upload(data), np.asarray(plain.convert("RGB")))


def test_an_inverted_cmyk_jpeg_is_not_a_negative() -> None:
    data = saved(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), "JPEG")
    assert b"Adobe" in data  # the marker that says so, which must survive the removal of metadata
    assert decode_upload(data).min() > 250


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_grey_and_palette_become_colour(mode: str) -> None:
    source = picture().convert(mode)
    image = decode_upload(saved(source, "PNG"))
    np.testing.assert_array_equal(image, np.asarray(source.convert("RGBA" if mode == "LA" else "RGB")))


@pytest.mark.parametrize(
    ("mode", "transparent"), [("P", 3), ("P", bytes(range(256))), ("L", 9), ("RGB", (9, 0, 5)), ("1", 0)]
)
def test_a_transparent_colour_becomes_alpha(mode: str, transparent: Any) -> None:
    data = saved(picture().convert(mode), "PNG", transparency=transparent)
    image = decode_upload(data)
    assert image.shape == (12, 20, 4)
    with Image.open(io.BytesIO(data)) as plain:
        np.testing.assert_array_equal(image, np.asarray(plain.convert("RGBA")))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_keep_their_upper_eight(channels: int) -> None:
    wide = np.random.default_rng(3).integers(0, 65_536, (5, 6, channels), np.uint16)
    encoded, file = cv2.imencode(".png", wide[..., ::-1] if channels == 3 else wide)
    assert encoded
    image = decode_upload(file.tobytes())
    if channels == 4:
        wide = wide[..., [2, 1, 0, 3]]
    np.testing.assert_array_equal(image, np.broadcast_to((wide >> 8).astype(np.uint8), image.shape))
    assert image.shape[2] == max(channels, 3)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_shallow_grey_spans_black_to_white(depth: int) -> None:
    row = b"\0" + bytes([0xF0])  # white pixels first, black pixels last, at every depth
    data = png(png_header(8 // depth, 1, depth, 0), chunk(b"IDAT", zlib.compress(row)))
    image = decode_upload(data)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[0, -1].tolist() == [0, 0, 0]


def test_interlacing_is_undone() -> None:
    rows = [b"\0\x01\x02\x03", b"\0\x04\x05\x06", b"\0\x07\x08\x09\x0a\x0b\x0c"]  # Adam7 passes of 2 x 2: 1, 6, 7
    data = png(png_header(2, 2, interlace=1), chunk(b"IDAT", zlib.compress(b"".join(rows))))
    assert decode_upload(data).tolist() == [[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]]


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("form", STILL)
def test_exif_orientation_is_applied(form: str, value: int) -> None:
    source = picture()
    exif = source.getexif()
    exif[0x0112] = value
    data = saved(source, form, exif=exif)
    with Image.open(io.BytesIO(data)) as plain:
        expected = np.asarray(ImageOps.exif_transpose(plain).convert("RGB"))
    np.testing.assert_array_equal(decode_upload(data), expected)


@pytest.mark.parametrize("form", STILL[:2])
def test_where_it_was_taken_never_reaches_the_decoder(form: str) -> None:
    source = picture()
    exif = source.getexif()
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(source, form, exif=exif, icc_profile=b"SECRETPROFILE", comment=b"SECRETCOMMENT")
    assert b"SECRET" in data
    assert b"SECRET" not in inspect(data).body


def test_a_second_picture_behind_the_first_is_not_looked_at() -> None:
    first, second = picture(), picture(8, 8)
    data = saved(first, "MPO", save_all=True, append_images=[second])
    np.testing.assert_array_equal(decode_upload(data), decode_upload(saved(first, "JPEG")))


def test_bytes_after_the_end_do_not_matter() -> None:
    for form in STILL:
        data = saved(picture(), form)
        np.testing.assert_array_equal(decode_upload(data + b"<?php trailing"), decode_upload(data))


@pytest.mark.parametrize("form", STILL)
def test_threads_do_not_disturb_each_other(form: str) -> None:
    files = [saved(picture(20 + i, 30), form) for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        shapes = [image.shape for image in pool.map(decode_upload, files * 4)]
    assert shapes == [(20 + i, 30, 3) for i in range(16)] * 4


def test_text_that_inflates_without_end_is_not_inflated() -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(20_000_000), 9)
    source = saved(picture(), "PNG")
    data = source[:33] + chunk(b"zTXt", bomb) + chunk(b"iCCP", bomb) + source[33:]
    np.testing.assert_array_equal(decode_upload(data), np.asarray(picture()))


def test_an_animated_png_of_one_frame_is_a_still() -> None:
    source = saved(picture(), "PNG")
    data = source[:33] + chunk(b"acTL", struct.pack(">II", 1, 0)) + source[33:]
    np.testing.assert_array_equal(decode_upload(data), np.asarray(picture()))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\3" * 9]
)
@pytest.mark.parametrize("form", STILL)
def test_malformed_exif_is_neither_an_error_nor_a_warning(form: str, exif: bytes) -> None:
    data = saved(picture(), form, exif=exif)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(decode_upload(data), decode_upload(saved(picture(), form)))
