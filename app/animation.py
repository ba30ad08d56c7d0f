"""Frames as one animated file, lossless, endlessly repeated: WebP by Pillow, PNG (APNG) by this package."""

import io
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.images.png import encode_apng
from app.images.provenance import Recipe


def animated(
    frames: NDArray[np.uint8], frame_ms: int, scale: int, recipe: Recipe, form: Literal["webp", "png"]
) -> bytes:
    """uint8 [N, H, W, 1|3|4]; each frame is shown for frame_ms milliseconds."""
    large = frames if scale == 1 else frames.repeat(scale, axis=1).repeat(scale, axis=2)
    return (
        encode_apng(large, frame_ms, recipe.png_chunks(), recipe.filtered)
        if form == "png"
        else _webp(large, frame_ms, recipe)
    )


def _webp(frames: NDArray[np.uint8], frame_ms: int, recipe: Recipe) -> bytes:
    """Equal neighbours become one frame, shown for longer."""
    first, *others = (Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in frames)
    file = io.BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=frame_ms,
        loop=0,
        lossless=True,
        exact=True,
        quality=0,
        method=1,
        xmp=recipe.xmp("image/webp"),
    )
    return file.getvalue()
