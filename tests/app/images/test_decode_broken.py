"""Uploads that are broken, by chance or by hand: pixels or an error that names the field, never anything else."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidField, RequestError
from app.images.decode import decode_upload
from tests.app.images.upload_files import STILL, attempted, chunk, damaged, picture, png, png_header, refused, saved


def test_nothing_is_refused() -> None:
    assert "empty" in refused(b"", InvalidField)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("form", STILL)
def test_a_file_cut_anywhere_is_refused_or_whole(form: str, mode: str) -> None:
    if form == "JPEG":
        mode = "RGB"
    data = saved(picture(24, 40, mode), form)
    whole = decode_upload(data)
    outcomes = [attempted(data[:end]) for end in range(len(data))]
    for image in outcomes:
        if image is not None:
            np.testing.assert_array_equal(image, whole)
    complete = sum(image is not None for image in outcomes)
    assert complete <= 2  # a JPEG that lacks no more than its end marker has all its pixels


@pytest.mark.parametrize("form", STILL)
@given(random=st.randoms(use_true_random=False))
def test_damage_ends_in_pixels_or_a_named_error(form: str, random: Any) -> None:
    data = damaged(saved(picture(24, 40), form, exif=picture().getexif()), random)
    image = attempted(data, max_pixels=100_000)
    assert image is None or image.shape[2] in (3, 4)


@given(random=st.randoms(use_true_random=False))
def test_damage_under_a_right_checksum_does_no_harm_either(random: Any) -> None:
    pixels = zlib.compress(bytes(range(100)) * 2)
    image = attempted(
        png(png_header(4, 5, colour=random.choice((0, 2, 4, 6))), chunk(b"IDAT", damaged(pixels, random)))
    )
    assert image is None or image.shape[:2] == (5, 4)


@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBPVP8 "]), st.binary(max_size=200))
def test_any_bytes_after_a_signature_end_in_a_named_error(signature: bytes, rest: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        decode_upload(signature + rest)
    assert caught.value.field == "image"


@pytest.mark.parametrize(
    "data",
    [
        png(png_header(0, 5), chunk(b"IDAT", zlib.compress(b""))),
        png(png_header(5, 0), chunk(b"IDAT", zlib.compress(b""))),
        png(png_header(2, 2)),
        png(png_header(2, 2), chunk(b"IDAT", b"not zlib")),
        png(png_header(2, 2), chunk(b"IDAT", zlib.compress(b"\0short"))),
        png(png_header(2, 2, depth=3), chunk(b"IDAT", zlib.compress(bytes(14)))),
        png(png_header(2, 2, colour=1), chunk(b"IDAT", zlib.compress(bytes(14)))),
        png(png_header(2, 2, colour=3), chunk(b"IDAT", zlib.compress(bytes(6)))[:-1]),
        png(png_header(2, 2), chunk(b"IHDR", png_header(9, 9)), chunk(b"IDAT", zlib.compress(bytes(14)))),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", zlib.compress(bytes(14))) + chunk(b"IEND", b""),
        b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""),
        png(png_header(2, 2), struct.pack(">I", 2**32 - 1) + b"IDAT"),
        png(png_header(2, 2), chunk(b"IDAT", zlib.compress(bytes(14)))[:-4] + b"bad!"),
    ],
    ids=lambda data: str(zlib.crc32(data)),
)
def test_broken_png_is_refused(data: bytes) -> None:
    refused(data, InvalidField)


def jpeg_segments(*segments: tuple[int, bytes]) -> bytes:
    return b"\xff\xd8" + b"".join(b"\xff" + bytes([m]) + struct.pack(">H", len(d) + 2) + d for m, d in segments)


@pytest.mark.parametrize(
    "data",
    [
        jpeg_segments((0xC0, b"\x08\0\0\0\x05\x01\x01\x11\0"), (0xDA, b"")),
        jpeg_segments((0xC0, b"\x08\0\x05\0\0\x01\x01\x11\0"), (0xDA, b"")),
        jpeg_segments(
            (0xC0, b"\x08\0\x05\0\x05\x01\x01\x11\0"), (0xC2, b"\x08\0\x05\0\x05\x01\x01\x11\0"), (0xDA, b"")
        ),
        jpeg_segments((0xC0, b"\x0c\0\x05\0\x05\x01\x01\x11\0"), (0xDA, b"")),
        jpeg_segments((0xC3, b"\x08\0\x05\0\x05\x01\x01\x11\0"), (0xDA, b"")),
        jpeg_segments((0xC0, b"\x08\0")),
        jpeg_segments((0xE0, b"JFIF\0"), (0xDA, b"")),
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xff\xff\xff",
        b"\xff\xd8\xff\xe0\0\0",
        b"\xff\xd8\xff\xe0\xff\xff",
        b"\xff\xd8\xff\xe0\0\2no marker here",
    ],
    ids=repr,
)
def test_broken_jpeg_is_refused(data: bytes) -> None:
    refused(data, InvalidField)


def riff(*chunks: tuple[bytes, bytes], short: int = 0) -> bytes:
    body = b"WEBP" + b"".join(k + struct.pack("<I", len(d)) + d + b"\0" * (len(d) % 2) for k, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + short) + body


@pytest.mark.parametrize(
    "data",
    [
        riff(),
        riff((b"VP8 ", b"")),
        riff((b"VP8L", b"")),
        riff((b"VP8X", b"")),
        riff((b"VP8 ", b"\0\0\0\x9d\x01\x2a\0\0\0\0")),
        riff((b"VP8 ", b"\0\0\0\x9d\x01\x2a\x05\0\x05\0")),
        riff((b"VP8L", b"\x2f\x04\0\0\0\0")),
        riff((b"EXIF", b"odd")),
        riff((b"VP8X", b"\0\0\0\0\x04\0\0\x04\0\0")),
        riff((b"VP8 ", b"\0\0\0\x9d\x01\x2a\x05\0\x05\0"), short=1),
        b"RIFF\xff\xff\xff\xffWEBP",
    ],
    ids=repr,
)
def test_broken_webp_is_refused(data: bytes) -> None:
    refused(data, InvalidField)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_animations_are_refused(form: str) -> None:
    data = saved(picture(), form, save_all=True, append_images=[picture().rotate(180)], duration=50)
    assert "animated" in refused(data, InvalidField)
