"""Uploads that are too much, or no pictures that are taken here: refused by name, most by their header."""

import numpy as np
import pytest

from app.errors import InvalidField, PayloadTooLarge, UnsupportedMedia
from app.images.decode import decode_upload
from app.images.encode import encode_png
from tests.app.images.upload_files import STILL, chunk, picture, png, png_header, refused, saved

# Too much


@pytest.mark.parametrize("form", STILL)
def test_the_limits_are_inclusive(form: str) -> None:
    data = saved(picture(12, 20), form)
    decode_upload(data, max_pixels=240, max_bytes=len(data))
    assert "20 x 12" in refused(data, PayloadTooLarge, max_pixels=239)
    assert f"{len(data)} bytes" in refused(data, PayloadTooLarge, max_bytes=len(data) - 1)


def test_bombs_are_refused_by_their_header() -> None:
    side = 2**31 - 1
    assert "pixels" in refused(png(png_header(side, side), chunk(b"IDAT", b"")), PayloadTooLarge)
    jpeg = bytearray(saved(picture(), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    assert "65535 x 65535" in refused(bytes(jpeg), PayloadTooLarge)
    webp = bytearray(saved(picture(mode="RGBA"), "WEBP"))
    at = webp.index(b"VP8X") + 12
    webp[at : at + 6] = b"\xff" * 6
    assert "16777216 x 16777216" in refused(bytes(webp), PayloadTooLarge)


def test_a_real_bomb_of_few_bytes_is_refused() -> None:
    data = encode_png(np.zeros((4001, 4000, 1), np.uint8))
    assert len(data) < 200_000
    refused(data, PayloadTooLarge)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    data = saved(picture(), "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : -2]
    assert "scans" in refused(data[:-2] + scan * 70 + data[-2:], InvalidField)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_file_in_endless_pieces_is_refused(form: str) -> None:
    source = saved(picture(), form)
    piece, at = (chunk(b"tEXt", b""), 33) if form == "PNG" else (b"\xff\xfe\0\2", 2)
    data = source[:at] + piece * 70_000 + source[at:]
    assert "pieces" in refused(data, InvalidField)


# Of another kind


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "PPM", "TGA", "PCX", "PDF", "EPS", "JPEG2000", "AVIF"])
def test_other_formats_are_refused(form: str) -> None:
    assert "PNG, JPEG or WebP" in refused(saved(picture(32, 32), form), UnsupportedMedia)


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\x89PNG",
        b"\x89PNG\n\x1a\n",
        b"\xff\xd8",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF",
        b" " + saved(picture(), "PNG"),
        b"PK\3\4",
    ],
    ids=repr,
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    refused(data, UnsupportedMedia)


@pytest.mark.parametrize("form", STILL)
def test_a_signature_alone_does_not_make_an_image(form: str) -> None:
    signature = {"PNG": 8, "JPEG": 3, "WEBP": 12}[form]
    disguised = saved(picture(), form)[:signature] + saved(picture(), "GIF")
    refused(disguised, InvalidField)
