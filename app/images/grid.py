"""Lay tiles out as one picture, the way torchvision's make_grid does, with one allocation and strided copies.

One difference on purpose: torchvision returns a lone image without its border; here one tile is laid out like any
other, so that the size of the answer depends on the parameters alone. With padding 0 a lone tile is exactly its image.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

CHANNELS = (1, 3, 4)
OPAQUE = 255


def assemble(
    images: npt.NDArray[np.uint8],
    columns: int | None = None,
    padding: int = 2,
    background: Sequence[int] = (255, 255, 255),
    scale: int = 1,
) -> npt.NDArray[np.uint8]:
    """Grid of `images`, row by row, `padding` pixels between and around them; cells left over show the background.

    images: uint8 [N, H, W, C], N >= 1, C in {1, 3, 4}.
    columns: default ceil(sqrt(N)); more than N means N.
    background: (r, g, b) or (r, g, b, a), 0..255 each. Grey images take its ITU-R 601 luma;
        only RGBA can take an alpha.
    scale: each pixel of a tile becomes scale x scale pixels (nearest neighbour). The padding is not scaled.
    Returns uint8 [rows * (H * scale + padding) + padding, columns * (W * scale + padding) + padding, C].
    Raises ValueError for anything else.
    """
    count, height, width, channels = _checked(images, columns, padding, scale)
    if count == scale == 1:
        return _framed(images[0], padding, background)
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = -(-count // columns)
    pitch_y, pitch_x = height * scale + padding, width * scale + padding
    grid = _canvas((rows * pitch_y + padding, columns * pitch_x + padding, channels), background)

    # cells[r, y, sy, c, x] is a view: row r of tiles, its line y repeated sy times, column c, its (scaled) pixel x.
    cells = grid[padding:].reshape(rows, pitch_y, -1, channels, copy=False)[:, : height * scale, padding:]
    cells = cells.reshape(rows, height, scale, columns, pitch_x, channels, copy=False)[..., : width * scale, :]
    tiles = images if scale == 1 else np.repeat(images, scale, axis=2)
    full, rest = divmod(count, columns)
    whole = tiles[: full * columns].reshape(full, columns, height, width * scale, channels)
    cells[:full] = whole.transpose(0, 2, 1, 3, 4)[:, :, None]
    if rest:
        cells[full, :, :, :rest] = tiles[full * columns :].transpose(1, 0, 2, 3)[:, None]
    return grid


def _framed(image: npt.NDArray[np.uint8], padding: int, background: Sequence[int]) -> npt.NDArray[np.uint8]:
    """The one tile that is asked for most, without what only several need."""
    height, width, channels = image.shape
    grid = _canvas((height + 2 * padding, width + 2 * padding, channels), background)
    grid[padding : padding + height, padding : padding + width] = image
    return grid


def pixel(background: Sequence[int], channels: int) -> npt.NDArray[np.uint8]:
    """The background colour as one pixel, uint8 [channels], to be read only. ValueError where it cannot be one."""
    return _pixel(channels, *background)


@lru_cache(maxsize=64, typed=True)  # or 255.0 would pass once 255 had
def _pixel(channels: int, *colour: int) -> npt.NDArray[np.uint8]:
    made = np.array(_parts(colour, channels), np.uint8)
    made.flags.writeable = False
    return made


def _parts(colour: tuple[int, ...], channels: int) -> tuple[int, ...]:
    if len(colour) not in (3, 4) or not all(isinstance(part, int) and 0 <= part <= 255 for part in colour):
        raise ValueError(f"background must be 3 or 4 integers from 0 to 255, not {colour!r}")
    red, green, blue, alpha = (*colour, OPAQUE)[:4]
    if channels == 4:
        return red, green, blue, alpha
    if alpha != OPAQUE:
        raise ValueError("background has an alpha, but the images have no transparency")
    if channels == 3:
        return red, green, blue
    return ((red * 299 + green * 587 + blue * 114 + 500) // 1000,)


def _checked(images: npt.NDArray[np.uint8], columns: int | None, padding: int, scale: int) -> tuple[int, int, int, int]:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in CHANNELS or 0 in images.shape:
        raise ValueError(f"images must be uint8 [N, H, W, 1|3|4] and not empty, not {images.dtype} {images.shape}")
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be at least 1, not {columns}")
    if padding < 0:
        raise ValueError(f"padding must not be negative, not {padding}")
    if scale < 1:
        raise ValueError(f"scale must be at least 1, not {scale}")
    count, height, width, channels = images.shape
    return count, height, width, channels


def _canvas(shape: tuple[int, int, int], background: Sequence[int]) -> npt.NDArray[np.uint8]:
    colour = pixel(background, shape[2])
    grid = np.empty(shape, np.uint8)
    first, *others = colour.tolist()
    if others == [first] * len(others):
        grid.fill(first)  # a memset: twenty times faster than repeating a pixel of three bytes
    else:
        grid[0] = colour
        grid[1:] = grid[0]  # whole lines, for the same reason
    return grid
