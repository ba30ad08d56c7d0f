"""Images side by side in one PNG: golden.png and preview.png of a published model."""

import io
import math

import numpy as np
from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def sheet(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Tiles row by row without gaps; cells left over are zero.

    images: uint8 [N, H, W, C], N >= 1. columns: default ceil(sqrt(N)). Returns uint8 [rows * H, columns * W, C].
    """
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape:
        raise ValueError(f"images must be uint8 [N, H, W, C] and not empty, not {images.dtype} {images.shape}")
    count, height, width, channels = images.shape
    if columns is None:
        columns = math.ceil(math.sqrt(count))
    if columns < 1:
        raise ValueError(f"columns must be at least 1, not {columns}")
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, channels), np.uint8)
    cells[:count] = images
    lines = cells.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return lines.reshape(rows * height, columns * width, channels)


def png(image: np.ndarray) -> bytes:
    """uint8 [H, W, C], C 1 (grey), 3 (RGB) or 4 (RGBA), as a PNG file without metadata."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in _MODES:
        raise ValueError(f"an image must be uint8 [H, W, 1|3|4], not {image.dtype} {image.shape}")
    pixels = np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png", optimize=True)
    return buffer.getvalue()
