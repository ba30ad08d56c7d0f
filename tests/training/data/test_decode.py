import contextlib
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from training.data.decode import MAX_PIXELS, UPRIGHT, Header, decode, format_of, inspect
from training.data.errors import Reject

WHITE = [255, 255, 255]


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG with any header, whatever its pixels; extra: chunks between header and pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    )


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def grey16(values: np.ndarray, extra: bytes = b"") -> bytes:
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], depth=16, colour=0, rows=rows, extra=extra)


@pytest.mark.parametrize("format", ["PNG", "BMP", "GIF", "WEBP"])
def test_lossless_formats_of_the_target_size_keep_every_pixel(draw, encoded, format):
    picture = draw(1, 32).quantize(64).convert("RGB")
    options = {"lossless": True} if format == "WEBP" else {}
    pixels = decode(encoded(picture, format, **options), 32)
    assert pixels.shape == (32, 32, 4)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels[..., :3], np.asarray(picture))
    assert (pixels[..., 3] == 255).all()


@pytest.mark.parametrize(
    ("format", "options"), [("JPEG", {"quality": 95}), ("JPEG", {"progressive": True}), ("WEBP", {})]
)
def test_lossy_formats_come_close(draw, encoded, format, options):
    picture = draw(2, 64)
    pixels = decode(encoded(picture, format, **options), 64)
    assert np.abs(pixels[..., :3].astype(int) - np.asarray(picture)).mean() < 6


def test_the_format_is_told_by_the_first_bytes():
    assert format_of(b"\x89PNG\r\n\x1a\nxxxx") == "PNG"
    assert format_of(b"BMW and other cars") is None
    assert format_of(b"RIFF\0\0\0\0WAVEfmt ") is None
    assert format_of(b"") is None


def test_grey_is_repeated(draw, encoded):
    picture = draw(3, 32).convert("L")
    pixels = decode(encoded(picture), 32)
    for channel in range(3):
        np.testing.assert_array_equal(pixels[..., channel], np.asarray(picture))


def test_one_bit_is_black_and_white(draw, encoded):
    picture = draw(3, 32).convert("1")
    pixels = decode(encoded(picture), 32)
    np.testing.assert_array_equal(pixels[..., 0], np.asarray(picture) * np.uint8(255))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_grey_of_few_bits_is_scaled_to_the_whole_range(bits):
    most = (1 << bits) - 1
    rows = b"".join(b"\0" + b"\xff" * bits for _ in range(8))
    assert (decode(png(8, 8, depth=bits, colour=0, rows=rows), 8)[..., :3] == 255).all(), most


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    values = np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)
    np.testing.assert_array_equal(decode(grey16(values), 8)[..., 0], values >> 8)


def test_sixteen_bit_grey_is_scaled_when_it_is_resized_too():
    values = np.full((64, 64), 0x8080, np.uint16)
    assert (decode(grey16(values), 16)[..., :3] == 0x80).all()


def test_a_colour_key_in_sixteen_bit_grey_is_transparent():
    values = np.full((8, 8), 1000, np.uint16)
    values[0] = 7
    pixels = decode(grey16(values, chunk(b"tRNS", struct.pack(">H", 7))), 8)
    assert (pixels[0] == [*WHITE, 0]).all()
    assert (pixels[1:, :, 3] == 255).all()


def test_sixteen_bit_colour_keeps_the_upper_eight():
    row = b"\0" + struct.pack(">HHH", 0x1234, 0x8000, 0xFFFF) * 8
    assert (decode(png(8, 8, depth=16, rows=row * 8), 8)[..., :3] == [0x12, 0x80, 0xFF]).all()


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_colour_key_is_transparent(draw, encoded, mode):
    picture = Image.new("RGB", (16, 16), (10, 20, 30))
    picture = picture.quantize(4) if mode == "P" else picture.convert(mode)
    key = picture.getpixel((0, 0))
    pixels = decode(encoded(picture, transparency=key), 16)
    assert (pixels == [*WHITE, 0]).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_kept_and_hidden_colours_are_not(encoded, mode):
    picture = Image.new("RGBA", (16, 16), (200, 200, 200, 255))
    picture.paste((90, 90, 90, 0), (0, 0, 16, 8))
    written = picture.convert(mode) if mode != "PA" else picture.quantize(8)
    pixels = decode(encoded(written), 16)
    assert (pixels[:8] == [*WHITE, 0]).all()
    assert (pixels[8:] == [200, 200, 200, 255]).all()


def test_hidden_colours_do_not_bleed_into_what_is_seen(encoded):
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 32, 64))
    pixels = decode(encoded(picture), 16)
    seen = pixels[pixels[..., 3] > 16]
    assert seen[:, 0].max() < 16


def test_cmyk_jpeg_has_the_colours_it_was_made_of(encoded):
    picture = Image.new("RGB", (32, 32), (255, 0, 0))
    pixels = decode(encoded(picture.convert("CMYK"), "JPEG", quality=95), 32)
    assert np.abs(pixels[..., :3].astype(int) - [255, 0, 0]).max() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("format", "size"), [("PNG", 32), ("JPEG", 256), ("WEBP", 32)])
def test_exif_orientation_is_undone(encoded, orientation, format, size):
    """A picture with a different colour in each corner, stored turned, comes out upright."""
    upright = Image.new("RGB", (size, size), (128, 128, 128))
    for colour, corner in (((255, 0, 0), (0, 0)), ((0, 255, 0), (1, 0)), ((0, 0, 255), (0, 1))):
        upright.paste(colour, (*(c * size // 2 for c in corner), *((c + 1) * size // 2 for c in corner)))
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    stored = upright if orientation == 1 else upright.transpose(undo.get(orientation, UPRIGHT.get(orientation)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, format, exif=exif, **({"lossless": True} if format == "WEBP" else {}))
    pixels = decode(data, 32)[..., :3].astype(int)
    assert inspect(data).turned == (orientation != 1)
    for place, colour in (
        ((6, 6), (255, 0, 0)),
        ((6, 26), (0, 255, 0)),
        ((26, 6), (0, 0, 255)),
        ((26, 26), (128,) * 3),
    ):
        assert np.abs(pixels[place] - colour).max() < 10, place


def test_a_header_reports_the_upright_size(draw, encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    assert inspect(encoded(draw(1, 40, 20), "JPEG", exif=exif)) == Header("JPEG", "RGB", 20, 40, True)


@pytest.mark.filterwarnings("ignore:.*EXIF")  # scan.py keeps Pillow quiet; here it is alone
@pytest.mark.parametrize("garbage", [b"Exif\0\0garbage", b"Exif\0\0MM\0\x2a\xff\xff\xff\xff", b"Exif\0\0"])
def test_unreadable_exif_does_not_cost_the_image(draw, encoded, garbage):
    pixels = decode(encoded(draw(1, 32), "JPEG", exif=garbage), 32)
    assert pixels.shape == (32, 32, 4)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_upright(draw, encoded, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = draw(1, 32)
    np.testing.assert_array_equal(decode(encoded(picture, exif=exif), 32)[..., :3], np.asarray(picture))


def test_crop_takes_the_centred_square(encoded):
    picture = Image.new("RGB", (64, 32), (255, 0, 0))
    picture.paste((0, 255, 0), (16, 0, 48, 32))
    assert (decode(encoded(picture), 32, "crop")[..., :3] == [0, 255, 0]).all()


def test_pad_keeps_the_whole_on_transparent_white(encoded):
    pixels = decode(encoded(Image.new("RGB", (64, 32), (255, 0, 0))), 32, "pad")
    assert (pixels[8:24] == [255, 0, 0, 255]).all()
    assert (pixels[:8] == [*WHITE, 0]).all()
    assert (pixels[24:] == [*WHITE, 0]).all()


def test_pad_and_crop_agree_on_a_square(draw, encoded):
    data = encoded(draw(5, 50))
    np.testing.assert_array_equal(decode(data, 32, "crop"), decode(data, 32, "pad"))


def test_a_flat_picture_stays_flat_at_any_size(encoded):
    for side in (8, 31, 32, 33, 200, 1000):
        assert (decode(encoded(Image.new("RGB", (side, side), (7, 130, 250))), 32)[..., :3] == [7, 130, 250]).all(), (
            side
        )


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_large_picture_read_in_strips_looks_as_if_read_at_once(draw, encoded, mode):
    picture = draw(6, 900).convert(mode)
    expected = np.asarray(picture.resize((32, 32), Image.Resampling.LANCZOS).convert("RGB"))
    assert np.abs(decode(encoded(picture), 32)[..., :3].astype(int) - expected).max() <= 2


@pytest.mark.parametrize("format", ["PNG", "GIF", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(encoded, format):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert (decode(data, 16)[..., :3] == [255, 0, 0]).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"plain text", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "broken"),
        (b"\xff\xd8\xff\xe0", "broken"),
        (b"GIF89a", "broken"),
        (b"RIFF\x04\0\0\0WEBP", "broken"),
        (b"BM" + bytes(12) + b"\x28\0", "broken"),
        (b"II*\0" + bytes(100), "not an image"),
        (png(50000, 50000), "too large: 50000x50000 pixels; at most 24 million"),
        (png(2**31 - 1, 2**31 - 1), "too large"),
        (png(1, 1, rows=bytes(4)), "too small: 1x1"),
        (png(7, 100), "too small: 7x100"),
        (png(0, 10), "broken"),
        (png(10000, 8), "too long: 10000x8"),
        (png(8, 33), "too long"),
    ],
)
def test_what_the_header_gives_away_is_refused_before_decoding(data, reason):
    with pytest.raises(Reject, match=reason):
        inspect(data)
    with pytest.raises(Reject, match=reason):
        decode(data, 32)


def test_padding_keeps_what_cropping_refuses():
    rows = b"".join(b"\0" + bytes(3 * 100) for _ in range(8))
    assert decode(png(100, 8, rows=rows), 32, "pad").shape == (32, 32, 4)


@pytest.mark.parametrize("format", ["WebP", "GIF", "BMP"])
def test_no_header_makes_memory_be_taken(format):
    huge = {
        "WebP": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0"
        + b"\xff\x3f\0" * 2
        + b"VP8L\x08\0\0\0\x2f\xff\xff\xff\x0f\0\0\0",
        "GIF": b"GIF89a\x0a\0\x0a\0\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x4c\x01\0;",
        "BMP": b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, *[0] * 6),
    }[format]
    tracemalloc.start()
    try:
        with pytest.raises(Reject, match="too large"):
            decode(huge, 32)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_text_chunk_that_unpacks_without_end_is_refused():
    bomb = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(20_000_000), 9))
    with pytest.raises(Reject, match="broken"):
        decode(png(16, 16, rows=bytes(49 * 16), extra=bomb), 16)


def test_a_jpeg_of_endless_scans_is_refused(draw, encoded):
    data = encoded(draw(1, 32), "JPEG", progressive=True)
    with pytest.raises(Reject, match="scans"):
        inspect(data + b"\xff\xda" * 200)


def test_a_progressive_jpeg_may_have_fewer_pixels_than_one_that_can_be_drawn_small(encoded):
    side = int((MAX_PIXELS["PNG"] + 10**6) ** 0.5)
    flat = Image.new("L", (side, side))
    assert inspect(encoded(flat, "JPEG")).width == side
    with pytest.raises(Reject, match="too large"):
        inspect(encoded(flat, "JPEG", progressive=True))


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
    ],
)
def test_a_truncated_file_is_refused_wherever_it_ends(draw, encoded, format, options):
    data = encoded(draw(1, 40), format, **options)
    for length in range(1, len(data) - 2, max(1, len(data) // 150)):
        with pytest.raises(Reject):
            decode(data[:length], 32)


def test_random_damage_ends_in_a_reject_or_in_an_image(draw, encoded):
    random = np.random.default_rng(0)
    for format in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        whole = np.frombuffer(encoded(draw(1, 40), format), np.uint8)
        for _ in range(150):
            damaged = whole.copy()
            places = random.integers(0, len(damaged), 5)
            damaged[places] = random.integers(0, 256, 5)
            with contextlib.suppress(Reject):
                assert decode(damaged.tobytes(), 32).shape == (32, 32, 4)
