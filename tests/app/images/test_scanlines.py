"""The choice of filters, seen in the inflated stream, and that undoing them gives the pixels again."""

import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from app.images import scanlines
from app.images.scanlines import deflate_scanlines, usually_filtered
from benchmarks.filters import cost

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[int, int, int], Pixels]
NONE, SUB, UP = 0, 1, 2
SHAPES = st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from((1, 3, 4)))


def inflate(image: Pixels, filtered: bool | None = None) -> Pixels:
    height, width, channels = image.shape
    lines = zlib.decompress(deflate_scanlines(image, filtered))
    return np.frombuffer(lines, np.uint8).reshape(height, 1 + width * channels)


def filters(image: Pixels, filtered: bool | None = None) -> set[int]:
    return set(inflate(image, filtered)[:, 0].tolist())


def undone(lines: Pixels, channels: int) -> Pixels:
    """PNG specification, 9.2, a byte at a time."""
    rows: list[list[int]] = []
    for kind, *line in lines.tolist():
        above = rows[-1] if rows else [0] * len(line)
        for i, byte in enumerate(line):
            left = line[i - channels] if i >= channels else 0
            line[i] = (byte + {NONE: 0, SUB: left, UP: above[i]}[kind]) % 256
        rows.append(line)
    return np.array(rows, np.uint8).reshape(len(rows), -1, channels)


@given(hnp.arrays(np.uint8, SHAPES))
def test_undoing_the_filters_gives_the_pixels(image: Pixels) -> None:
    np.testing.assert_array_equal(undone(inflate(image), image.shape[2]), image)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_undoing_the_filters_of_a_large_image_gives_the_pixels(draw: Draw, channels: int) -> None:
    image = draw(331, 130, channels)
    assert len(scanlines._bands(image.reshape(331, -1))) < 331
    np.testing.assert_array_equal(undone(inflate(image), channels), image)


def test_the_bytes_do_not_hang_on_the_stack_of_the_thread() -> None:
    """Left to itself, ISA-L deflates about a quarter of these images otherwise in some of the threads."""
    images = np.repeat(np.random.default_rng(5).integers(0, 256, (64, 4, 8, 1), dtype=np.uint8), 2, axis=1)
    threads = 64
    together = threading.Barrier(threads)  # each has a stack of its own as long as the others live

    def deflated(_: int) -> list[bytes]:
        together.wait()
        return [deflate_scanlines(image, False) for image in images]

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(deflated, range(threads)))
    assert [len(set(forms)) for forms in zip(*results, strict=True)] == [1] * len(images)


@pytest.mark.parametrize("size", [64, 300])
def test_drawings_are_left_unfiltered(flat: Draw, size: int) -> None:
    assert filters(flat(size, size, 3)) == {NONE}


@pytest.mark.parametrize("size", [64, 400])
def test_photographs_are_filtered(smooth: Draw, size: int) -> None:
    assert filters(smooth(size, size, 3)) <= {SUB, UP}


def test_a_row_takes_the_filter_that_suits_it(noise: Draw, smooth: Draw) -> None:
    tall = np.concatenate((np.repeat(noise(1, 300, 3), 30, axis=0), smooth(30, 300, 3)))
    kinds = inflate(tall)[:, 0]
    assert set(kinds[1:30].tolist()) == {UP}  # a row like the one above it is all zeros after Up
    assert SUB in kinds[30:]


def test_the_trial_never_costs_much(draw: Draw) -> None:
    image = draw(530, 530, 3)
    assert cost(image) <= 1.05


@pytest.mark.parametrize("tiles", range(2, 10))
def test_the_trial_sees_what_the_tiles_of_a_grid_hold(smooth: Draw, tiles: int) -> None:
    """Also where all are empty at the same height, as icons are at the top and the bottom."""
    tile = np.zeros((64, 64, 3), np.uint8)
    tile[16:48] = smooth(32, 64, 3)
    assert cost(np.tile(tile, (tiles, tiles, 1))) <= 1.05


@pytest.mark.parametrize("shape", [(1, 40_000, 3), (16, 900, 3), (17, 900, 3), (40_000, 1, 1), (4, 20_000, 4)])
def test_extreme_shapes(noise: Draw, shape: tuple[int, int, int]) -> None:
    image = noise(*shape)
    np.testing.assert_array_equal(undone(inflate(image), shape[2]), image)


@pytest.mark.parametrize("width", [255, 256, 257, 511, 512, 513])
def test_widths_around_the_block_that_costs_are_summed_in(smooth: Draw, width: int) -> None:
    image = smooth(40, width, 1)
    np.testing.assert_array_equal(undone(inflate(image), 1), image)


def test_images_need_not_be_contiguous(noise: Draw) -> None:
    image = noise(40, 60, 4)[::2, ::-1, :3]
    np.testing.assert_array_equal(undone(inflate(image), 3), image)


@pytest.mark.parametrize("size", [1, 64, 300])
def test_the_way_that_is_asked_for_is_taken(draw: Draw, size: int) -> None:
    image = draw(size, size, 3)
    for filtered, expected in ((False, {NONE}), (True, {SUB, UP})):
        assert filters(image, filtered) <= expected
        np.testing.assert_array_equal(undone(inflate(image, filtered), 3), image)


def test_what_pictures_are_alike_in_is_found(smooth: Draw) -> None:
    few_colours = dithered(6)
    gradients = np.stack([smooth(64, 48 + i, 3)[:, i:] for i in range(6)])
    assert usually_filtered(few_colours) is False
    assert usually_filtered(gradients) is True
    assert usually_filtered(np.concatenate((few_colours, gradients))) is None


def test_a_few_exceptions_that_cost_little_make_no_difference(flat: Draw, smooth: Draw) -> None:
    """Next to a photograph a drawing takes hardly any bytes, whichever way."""
    mixed = np.stack([smooth(64, 64, 3)] * 20 + [flat(64, 64, 3)])
    assert usually_filtered(mixed) is True


def dithered(n: int) -> Pixels:
    """Eight colours at random: a filter makes many more of them."""
    random = np.random.default_rng(7)
    colours = random.integers(0, 256, (8, 3), np.uint8)
    picked: Pixels = colours[random.integers(0, 8, (n, 64, 48))]
    return picked
