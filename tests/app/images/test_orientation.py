"""Orientation read and applied as Pillow's exif_transpose does it; malformed EXIF is no orientation at all."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from app.images.orientation import UPRIGHT, orientation, upright


def exif(value: int, order: str = "<", kind: int = 3, magic: int = 42, before: int = 2) -> bytes:
    """IFD0 with `before` other tags and then Orientation."""
    entries = b"".join(struct.pack(f"{order}HHII", 0x0100 + i, 4, 1, 9) for i in range(before))
    entries += struct.pack(f"{order}HHIHH", 0x0112, kind, 1, value, 0)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(f"{order}HIH", magic, 8, before + 1)
    return head + entries + b"\0\0\0\0"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_the_tag_is_found_in_either_byte_order(value: int, order: str) -> None:
    assert orientation(exif(value, order)) == value


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("channels", [3, 4])
def test_the_turn_is_pillows(value: int, channels: int) -> None:
    image = np.random.default_rng(value).integers(0, 256, (5, 7, channels), np.uint8)
    picture = Image.fromarray(image)
    picture.getexif()[0x0112] = value
    turned = upright(image, value)
    np.testing.assert_array_equal(turned, np.asarray(ImageOps.exif_transpose(picture)))
    assert turned.flags.c_contiguous


@pytest.mark.parametrize(
    "tiff",
    [
        b"",
        b"II",
        b"XX" + exif(6)[2:],
        exif(0),
        exif(9),
        exif(65535),
        exif(6, kind=4),
        exif(6, magic=43),
        exif(6)[:20],
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 65535),
    ],
    ids=repr,
)
def test_malformed_exif_leaves_the_image_as_it_is(tiff: bytes) -> None:
    assert orientation(tiff) == UPRIGHT


@given(st.binary(max_size=80))
def test_any_bytes_have_an_orientation(tiff: bytes) -> None:
    assert 1 <= orientation(b"II*\0\x08\0\0\0" + tiff) <= 8
    assert 1 <= orientation(tiff) <= 8
