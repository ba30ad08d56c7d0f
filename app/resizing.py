"""One image at another size, resampled; whole-number enlargement without smoothing is the grid's own."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resized(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """uint8 [H, W, 1|3|4] -> uint8 [height, W * height / H rounded, same channels], by Lanczos in integer arithmetic.

    Colours are weighted by alpha, so that what is transparent does not bleed into what is not.
    """
    if height == image.shape[0]:
        return image
    picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
    small = picture.resize((width(image.shape[0], image.shape[1], height), height), Image.Resampling.LANCZOS)
    made = np.asarray(small)
    return made[..., None] if image.shape[2] == 1 else made


def width(own_height: int, own_width: int, height: int) -> int:
    """The width that goes with `height`, at least 1."""
    return max(1, round(own_width * height / own_height))
