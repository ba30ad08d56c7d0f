"""A zoo of uploads: a good one of each kind gives its pixels, a bad one of each kind an error that names the field."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from app.errors import InvalidField, PayloadTooLarge, RequestError, UnsupportedMedia
from app.images.decode import decode_upload
from app.images.encode import encode_png
from app.images.uploads import inspect

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Pixels]
STILL = ["PNG", "JPEG", "WEBP"]


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def picture(height: int = 12, width: int = 20, mode: str = "RGB") -> Image.Image:
    """Smooth enough for JPEG to keep it recognisable."""
    y, x = np.ogrid[:height, :width]
    planes = (y * 9 + x * 3, x * 11 + y * 0, y * 4 + x * 5, 255 - x * 7 + y * 0)
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8), "RGBA").convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header: bytes, *rest: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(rest) + chunk(b"IEND", b"")


def png_header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def refused(data: bytes, kind: type[RequestError], **limits: int) -> str:
    with pytest.raises(kind) as caught:
        decode_upload(data, **limits)
    assert caught.value.field == "image"
    return str(caught.value)


def attempted(data: bytes, **limits: int) -> Pixels | None:
    """The pixels, or None where the upload was refused as it should be: by name and without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return decode_upload(data, **limits)
        except RequestError as error:
            return None if error.field == "image" else pytest.fail(f"the error names {error.field!r}")


def damaged(data: bytes, random: Any) -> bytes:
    file = bytearray(data)
    for _ in range(random.randint(1, 8)):
        file[random.randrange(len(file))] = random.randrange(256)
    return bytes(file)


# Good ones


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


def test_text_that_inflates_without_end_is_not_inflated() -> None:
    bomb = b"Comment\0\0" + zlib.compress(bytes(20_000_000), 9)
    source = saved(picture(), "PNG")
    data = source[:33] + chunk(b"zTXt", bomb) + chunk(b"iCCP", bomb) + source[33:]
    np.testing.assert_array_equal(decode_upload(data), np.asarray(picture()))


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


# Broken


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
