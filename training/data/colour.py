"""RGBA to the channels that are trained on: 1 (grey), 3 (laid on white) or 4 (as it is)."""

import numpy as np

CHANNELS = (1, 3, 4)


def on_white(rgba: np.ndarray) -> np.ndarray:
    """uint8 [..., 4], not premultiplied -> uint8 [..., 3], rounded."""
    if rgba.size and rgba[..., 3].min() == 255:
        return rgba[..., :3]
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + (255 * (255 - alpha) + 127)) // 255).astype(np.uint8)


def grey(rgb: np.ndarray) -> np.ndarray:
    """uint8 [..., 3] -> uint8 [..., 1]: luma of ITU-R BT.601 in 16 bits, as Pillow has it; grey stays what it was."""
    weighted = rgb.astype(np.uint32) @ np.array([19595, 38470, 7471], np.uint32)
    return ((weighted + 0x8000) >> 16).astype(np.uint8)[..., None]


def to_channels(rgba: np.ndarray, channels: int) -> np.ndarray:
    """uint8 [..., 4] -> uint8 [..., channels]. Raises ValueError for other than 1, 3 or 4 channels."""
    if channels not in CHANNELS:
        raise ValueError(f"channels must be 1, 3 or 4, not {channels}")
    if channels == 4:
        return rgba
    rgb = on_white(rgba)
    return rgb if channels == 3 else grey(rgb)


def is_grey(rgb: np.ndarray) -> bool:
    """uint8 [..., 3]: True if there is no colour anywhere."""
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def is_transparent(rgba: np.ndarray) -> bool:
    """True if some pixel is more transparent than opaque: an alpha channel that is 255, or nearly, everywhere says
    nothing."""
    return bool((rgba[..., 3] < 128).any())
