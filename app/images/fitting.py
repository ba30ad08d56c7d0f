"""An upload at the size and in the channels of a model, by the rule that the model's training images went through.

training/data/decode.py states the rule and implements it for the trainer; this is the service's own implementation,
and tests/contract/test_uploads.py compares the pixels of both. In short: the centred part of the model's proportions
(`crop`) or the whole on transparent white (`pad`), Lanczos on premultiplied alpha, 16 bits cut to the upper 8, fully
transparent pixels white; then laid on white unless the model has an alpha channel.
"""

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from app.errors import InvalidField
from app.images.uploads import FIELD

Fit = Literal["crop", "pad"]
Pixels = npt.NDArray[np.uint8]
Size = tuple[int, int]  # width, height

_MIN_SIDE = 8
_MAX_ASPECT = 4
_REDUCING_GAP = 3  # larger images are averaged down to this many times the target, which Lanczos then meets
_STRIP_ROWS = 64  # converted at once, a large image would be held several times over


def fitted(picture: Image.Image, turned: bool, *, shape: tuple[int, int, int], fit: Fit) -> Pixels:
    """An opened, not yet loaded picture as uint8 `shape` [H, W, C]; [W, H, C] if it lies on its side (`turned`).

    Raises InvalidField for one that is too small, or too long to be cropped.
    """
    height, width, channels = shape
    size = (height, width) if turned else (width, height)
    _admit(picture.size, fit)
    if isinstance(picture, JpegImageFile):
        # libjpeg scales by eighths while it decodes; several times the target leaves Lanczos something to do.
        picture.draft(None, (_REDUCING_GAP * size[0], _REDUCING_GAP * size[1]))
    rgba = np.array(_cropped(picture, size) if fit == "crop" else _padded(picture, size))
    rgba[rgba[..., 3] == 0, :3] = 255
    return _in_channels(rgba, channels)


def _admit(size: Size, fit: Fit) -> None:
    shown = f"{size[0]} x {size[1]} pixels"
    if min(size) < _MIN_SIDE:
        raise InvalidField(f"the image has {shown}; at least {_MIN_SIDE} a side are needed", FIELD)
    if fit == "crop" and max(size) > _MAX_ASPECT * min(size):
        raise InvalidField(f"the image has {shown}: cropped, little would be left; fit=pad keeps the whole", FIELD)


def _cropped(picture: Image.Image, size: Size) -> Image.Image:
    width, height = picture.size
    if width * size[1] <= height * size[0]:
        across, down = width, max(1, width * size[1] // size[0])
    else:
        across, down = max(1, height * size[0] // size[1]), height
    left, top = (width - across) // 2, (height - down) // 2
    return _resized(picture, (left, top, left + across, top + down), size)


def _padded(picture: Image.Image, size: Size) -> Image.Image:
    width, height = picture.size
    scale = min(size[0] / width, size[1] / height)
    inside = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.new("RGBA", size, (255, 255, 255, 0))
    corner = (size[0] - inside[0]) // 2, (size[1] - inside[1]) // 2
    canvas.paste(_resized(picture, (0, 0, width, height), inside), corner)
    return canvas


def _resized(picture: Image.Image, box: tuple[int, int, int, int], size: Size) -> Image.Image:
    """The box of the picture as RGBA of `size`."""
    width, height = box[2] - box[0], box[3] - box[1]
    if (width, height) == size:
        return _coloured(picture.crop(box)).convert("RGBA")
    factor = max(1, int(min(width / size[0], height / size[1]) / _REDUCING_GAP))
    mode = "RGBa" if picture.has_transparency_data else "RGB"
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for row in range(0, small.height, _STRIP_ROWS):
        top = box[1] + row * factor
        strip = picture.crop((box[0], top, box[2], min(box[3], top + _STRIP_ROWS * factor)))
        small.paste(_coloured(strip).convert(mode).reduce(factor), (0, row))
    return small.resize(size, Image.Resampling.LANCZOS, (0, 0, width / factor, height / factor)).convert("RGBA")


def _coloured(picture: Image.Image) -> Image.Image:
    """RGBA if there is transparency, otherwise RGB."""
    if not picture.mode.startswith("I"):
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    values = np.asarray(picture)  # 16-bit grey, which Pillow would clip to 255 instead of scaling
    grey = Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if (clear := picture.info.get("transparency")) is not None:
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _in_channels(rgba: Pixels, channels: int) -> Pixels:
    """RGBA as it is (4), laid on white (3), or the BT.601 luma of that (1)."""
    if channels == 4:
        return rgba
    alpha = rgba[..., 3:].astype(np.uint32)
    rgb = (rgba[..., :3] * alpha + (255 * (255 - alpha) + 127)) // 255
    if channels == 3:
        return rgb.astype(np.uint8)
    weights = np.array([[19595], [38470], [7471]], np.uint32)
    return ((rgb @ weights + 0x8000) >> 16).astype(np.uint8)
