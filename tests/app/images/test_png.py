"""PNG files taken apart by hand, and read by two decoders that know nothing of this encoder."""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageDraw

from app.images.png import SIGNATURE, encode_apng, encode_png, international_text

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Pixels]
SIZES = [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (7, 3), (3, 7), (64, 64), (65, 63), (530, 530), (211, 1031)]


def by_pillow(file: bytes) -> Pixels:
    with Image.open(io.BytesIO(file)) as picture:
        picture.load()
        image = np.asarray(picture)
    return image[..., None] if image.ndim == 2 else image


def by_opencv(file: bytes) -> Pixels:
    image = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    if image.ndim == 2:
        return np.asarray(image[..., None], np.uint8)
    return np.asarray(image[..., [2, 1, 0, 3][: image.shape[2]]], np.uint8)


def chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert file.startswith(SIGNATURE)
    position = len(SIGNATURE)
    while position < len(file):
        length, kind = struct.unpack_from(">I4s", file, position)
        data = file[position + 8 : position + 8 + length]
        (checksum,) = struct.unpack_from(">I", file, position + 8 + length)
        assert checksum == zlib.crc32(kind + data)
        yield kind, data
        position += 12 + length


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_pillow_and_opencv_read_the_same_pixels(draw: Draw, height: int, width: int, channels: int) -> None:
    image = draw(height, width, channels)
    file = encode_png(image)
    np.testing.assert_array_equal(by_pillow(file), image)
    np.testing.assert_array_equal(by_opencv(file), image)


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.sampled_from((1, 3, 4)))))
def test_whatever_goes_in_comes_out(image: Pixels) -> None:
    file = encode_png(image)
    np.testing.assert_array_equal(by_pillow(file), image)
    np.testing.assert_array_equal(by_opencv(file), image)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_the_colour_type_says_the_channels(flat: Draw, channels: int, mode: str) -> None:
    with Image.open(io.BytesIO(encode_png(flat(5, 6, channels)))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", mode, (6, 5))


def test_the_file_is_header_given_chunks_pixels_end(flat: Draw) -> None:
    extra = [(b"tEXt", b"a\0b"), (b"iTXt", b"c\0\0\0\0\0d"), (b"prVt", b"")]
    kinds = list(chunks(encode_png(flat(5, 6, 3), extra)))
    assert [kind for kind, _ in kinds] == [b"IHDR", b"tEXt", b"iTXt", b"prVt", b"IDAT", b"IEND"]
    assert kinds[0][1] == struct.pack(">IIBBBBB", 6, 5, 8, 2, 0, 0, 0)
    assert kinds[1:4] == extra
    assert len(zlib.decompress(kinds[4][1])) == 5 * (1 + 6 * 3)


def test_equal_pixels_give_equal_bytes_in_any_thread_and_layout(draw: Draw) -> None:
    image = draw(200, 300, 3)
    frozen = image.copy()
    frozen.flags.writeable = False
    views = [image, frozen, np.asfortranarray(image), image[::-1][::-1], image.swapaxes(0, 1).copy().swapaxes(0, 1)]
    with ThreadPoolExecutor(4) as pool:
        files = set(pool.map(encode_png, views * 4))
    assert len(files) == 1


def portraits(n: int) -> Pixels:
    """Drawings with smooth edges, as vector art has them when it is rendered: n x n tiles of 64 pixels."""
    picture = Image.new("RGB", (n * 256, n * 256), "white")
    pen = ImageDraw.Draw(picture)
    numbers = np.random.default_rng(7)
    for i in range(n * n):
        x, y = i % n * 256, i // n * 256
        for _ in range(6):
            left, top, width, height = numbers.integers(10, 120, 4).tolist()
            colour = tuple(numbers.integers(0, 256, 3).tolist())
            pen.ellipse((x + left, y + top, x + left + width, y + top + height), colour, "black", 8)
    return np.asarray(picture.resize((n * 64, n * 64), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("kind", ["drawing", "photograph", "drawing with noise"])
def test_no_more_than_a_fifth_larger_than_pillows(smooth: Draw, noise: Draw, kind: str) -> None:
    image = smooth(512, 512, 3) if kind == "photograph" else portraits(8)
    if kind == "drawing with noise":
        image = np.clip(image.astype(np.int16) + noise(512, 512, 3) // 64 - 2, 0, 255).astype(np.uint8)
    theirs = io.BytesIO()
    Image.fromarray(image).save(theirs, "PNG")
    assert len(encode_png(image)) <= 1.2 * len(theirs.getvalue())


def test_noise_does_not_grow(noise: Draw) -> None:
    image = noise(530, 530, 3)
    assert len(encode_png(image)) < image.nbytes * 1.005


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((2, 2, 3), np.float32),
        np.zeros((2, 2, 3), np.int8),
        np.zeros((2, 2, 3), np.uint16),
        np.zeros((2, 2), np.uint8),
        np.zeros((1, 2, 2, 3), np.uint8),
        np.zeros((2, 2, 2), np.uint8),
        np.zeros((2, 2, 5), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
        np.zeros((2, 0, 3), np.uint8),
        np.zeros((2, 2, 0), np.uint8),
    ],
    ids=lambda image: f"{image.dtype}{image.shape}",
)
def test_what_is_no_image_is_refused(image: Pixels) -> None:
    with pytest.raises(ValueError, match="image must be uint8"):
        encode_png(image)


@pytest.mark.parametrize("kind", [b"", b"IDAT", b"PLTE", b"TEXt", b"text", b"tEX", b"tEXtt", b"tE1t", b"tEX\n"])
def test_only_ancillary_chunks_can_be_added(flat: Draw, kind: bytes) -> None:
    with pytest.raises(ValueError, match="ancillary"):
        encode_png(flat(2, 2, 3), [(kind, b"")])


@pytest.mark.parametrize("text", ["", "plain", "\N{SNOWMAN} <&>\n\t", "x" * 100_000])
def test_international_text_is_read_by_pillow(flat: Draw, text: str) -> None:
    with Image.open(io.BytesIO(encode_png(flat(2, 2, 3), [international_text("Kind of Müller", text)]))) as picture:
        assert picture.info["Kind of Müller"] == text


@pytest.mark.parametrize("keyword", ["", "x" * 80, " a", "a ", "a\nb", "a\0b", "\N{SNOWMAN}"])
def test_a_keyword_that_is_none_is_refused(keyword: str) -> None:
    with pytest.raises(ValueError, match=r"keyword|latin-1"):
        international_text(keyword, "text")


def test_text_with_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="null"):
        international_text("key", "a\0b")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_animation_gives_its_frames_back(channels: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 9, 7, channels), dtype=np.uint8)
    file = encode_apng(frames, 40, [international_text("tessera", "{}")])
    assert [kind for kind, _ in chunks(file)][:5] == [b"IHDR", b"iTXt", b"acTL", b"fcTL", b"IDAT"]
    with Image.open(io.BytesIO(file)) as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (5, 0, 40)  # type: ignore[attr-defined]
        for i, frame in enumerate(frames):
            film.seek(i)
            np.testing.assert_array_equal(np.asarray(film).reshape(9, 7, channels), frame)
    np.testing.assert_array_equal(by_opencv(file), frames[0])  # who knows no animation sees the first
    assert encode_apng(frames, 40, [international_text("tessera", "{}")]) == file


@pytest.mark.parametrize(
    ("shape", "frame_ms"),
    [((0, 4, 4, 3), 40), ((4, 4, 3), 40), ((2, 4, 4, 3), 0), ((2, 4, 4, 3), 65_536), ((2, 4, 4, 2), 40)],
)
def test_no_animation_of_what_is_none(shape: tuple[int, ...], frame_ms: int) -> None:
    with pytest.raises(ValueError, match=r"must be|frames"):
        encode_apng(np.zeros(shape, np.uint8), frame_ms)
