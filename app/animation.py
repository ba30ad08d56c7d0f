"""Frames as one animated WebP, lossless, endlessly repeated."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.images.provenance import Recipe


def animated(frames: NDArray[np.uint8], frame_ms: int, scale: int, recipe: Recipe) -> bytes:
    """uint8 [N, H, W, 1|3|4]; each frame is shown for frame_ms milliseconds. Equal neighbours become one, longer."""
    large = frames if scale == 1 else frames.repeat(scale, axis=1).repeat(scale, axis=2)
    first, *others = (Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in large)
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
