"""The grid against a loop that says what it should be, and against torchvision's."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.images.grid import assemble, pixel

Pixels = npt.NDArray[np.uint8]
WHITE = (255, 255, 255)


def tiles(n: int, height: int = 3, width: int = 5, channels: int = 3) -> Pixels:
    return np.random.default_rng(n).integers(0, 256, (n, height, width, channels), np.uint8)


def reference(images: Pixels, columns: int, padding: int, background: Sequence[int], scale: int) -> Pixels:
    n, height, width, channels = images.shape
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    pitch_y, pitch_x = height * scale + padding, width * scale + padding
    grid = np.empty((rows * pitch_y + padding, columns * pitch_x + padding, channels), np.uint8)
    grid[:] = pixel(background, channels)
    for k, tile in enumerate(images):
        top, left = padding + k // columns * pitch_y, padding + k % columns * pitch_x
        for y in range(height * scale):
            for x in range(width * scale):
                grid[top + y, left + x] = tile[y // scale, x // scale]
    return grid


@given(
    n=st.integers(1, 11),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    channels=st.sampled_from((1, 3, 4)),
    columns=st.integers(1, 12),
    padding=st.integers(0, 3),
    scale=st.integers(1, 3),
    background=st.sampled_from(((0, 0, 0), (9, 9, 9), (1, 2, 3))),
)
def test_every_pixel_is_where_the_plain_loop_puts_it(
    n: int, height: int, width: int, channels: int, columns: int, padding: int, scale: int, background: tuple[int, ...]
) -> None:
    images = tiles(n, height, width, channels)
    expected = reference(images, columns, padding, background, scale)
    np.testing.assert_array_equal(assemble(images, columns, padding, background, scale), expected)


@pytest.mark.parametrize("n", [2, 5, 7, 9])
@pytest.mark.parametrize("padding", [0, 2, 3])
def test_it_is_torchvisions_grid(n: int, padding: int) -> None:
    torch = pytest.importorskip("torch")
    make_grid = pytest.importorskip("torchvision.utils").make_grid
    images = tiles(n)
    theirs = make_grid(torch.from_numpy(images).permute(0, 3, 1, 2), nrow=3, padding=padding, pad_value=255)
    np.testing.assert_array_equal(assemble(images, 3, padding), theirs.permute(1, 2, 0).numpy())


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4), (64, 8)])
def test_columns_default_to_the_square_root_rounded_up(n: int, columns: int) -> None:
    np.testing.assert_array_equal(assemble(tiles(n)), assemble(tiles(n), columns))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_without_padding_a_lone_tile_is_exactly_its_image(channels: int) -> None:
    images = tiles(1, channels=channels)
    np.testing.assert_array_equal(assemble(images, padding=0), images[0])


def test_with_padding_a_lone_tile_has_its_border() -> None:
    assert assemble(tiles(1, 3, 5)).shape == (7, 9, 3)


def test_more_columns_than_images_are_as_many_as_images() -> None:
    np.testing.assert_array_equal(assemble(tiles(3), 99), assemble(tiles(3), 3))


def test_any_tile_can_be_cut_out_again() -> None:
    images = tiles(7, 3, 5)
    grid = assemble(images, columns=3, padding=2, scale=2)
    for k, image in enumerate(images):
        top, left = 2 + k // 3 * 8, 2 + k % 3 * 12
        np.testing.assert_array_equal(grid[top : top + 6 : 2, left : left + 10 : 2], image)


def test_images_need_not_be_contiguous_and_are_not_changed() -> None:
    images = tiles(12, 4, 6)[::2, ::-1, 1::2]
    before = images.copy()
    np.testing.assert_array_equal(assemble(images, 4, 1, WHITE, 2), assemble(before, 4, 1, WHITE, 2))
    np.testing.assert_array_equal(images, before)


def test_the_answer_shares_no_memory_with_the_images() -> None:
    images = tiles(1)
    assert not np.shares_memory(assemble(images, padding=0), images)


@pytest.mark.parametrize(
    ("background", "channels", "expected"),
    [
        ((1, 2, 3), 3, [1, 2, 3]),
        ((1, 2, 3, 255), 3, [1, 2, 3]),
        ((1, 2, 3), 4, [1, 2, 3, 255]),
        ((1, 2, 3, 0), 4, [1, 2, 3, 0]),
        ((255, 0, 0), 1, [76]),
        ((0, 255, 0), 1, [150]),
        ((0, 0, 255), 1, [29]),
        ((77, 77, 77), 1, [77]),
    ],
)
def test_a_background_fits_its_channels(background: tuple[int, ...], channels: int, expected: list[int]) -> None:
    assert pixel(background, channels).tolist() == expected
    assert assemble(tiles(1, channels=channels), padding=1, background=background)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    "background",
    [(), (1,), (1, 2), (1, 2, 3, 4, 5), (-1, 0, 0), (0, 0, 256), (0.5, 0, 0), ("0", "0", "0"), (1, 2, 3, 4), "abc"],
)
def test_a_background_that_is_none_is_refused(background: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="background"):
        assemble(tiles(1), background=background)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 2, 2, 3), np.float32),
        np.zeros((1, 2, 2, 3), np.int8),
        np.zeros((2, 2, 3), np.uint8),
        np.zeros((1, 2, 2, 2), np.uint8),
        np.zeros((1, 2, 2, 5), np.uint8),
        np.zeros((0, 2, 2, 3), np.uint8),
        np.zeros((1, 0, 2, 3), np.uint8),
        np.zeros((1, 2, 0, 3), np.uint8),
    ],
    ids=str,
)
def test_images_of_another_kind_are_refused(images: Pixels) -> None:
    with pytest.raises(ValueError, match="images must be uint8"):
        assemble(images)


@pytest.mark.parametrize(
    ("parameter", "value"), [("columns", 0), ("columns", -1), ("padding", -1), ("scale", 0), ("scale", -2)]
)
def test_parameters_out_of_range_are_refused_by_name(parameter: str, value: int) -> None:
    with pytest.raises(ValueError, match=parameter):
        assemble(tiles(2), **{parameter: value})  # type: ignore[arg-type]
