"""Decode one uploaded image, defensively: nothing is allocated before its size was read and found small enough.

No global state is read or set, no file is opened and no warning is raised, so any number of threads may call this.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from app.errors import InvalidField, PayloadTooLarge
from app.images.orientation import upright
from app.images.uploads import FIELD, Upload, inspect

# The plugin itself and not Image.open: it is one decoder and no other, whatever is registered, and looks for no second
# picture behind the first (MPO).
_DECODERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WEBP": WebPImageFile,
}

MAX_PIXELS = 16_000_000
MAX_BYTES = 10_000_000

Pixels = npt.NDArray[np.uint8]
Take = Callable[[Image.Image, bool], Pixels]


def rgb(picture: Image.Image, turned: bool) -> Pixels:
    """uint8 [H, W, 3], or [H, W, 4] if there is transparency. Greyscale, palettes and CMYK become RGB, 16 bits become 8
    (the upper ones)."""
    if picture.mode.startswith("I"):  # 16-bit greyscale, which Pillow would clip to 255 instead of scaling
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.stack((grey, grey, grey), axis=2)
    return np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))


def decode_upload(data: bytes, take: Take = rgb, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Pixels:
    """A PNG, JPEG or WebP file as uint8 [H, W, C]; upright, without any metadata. Colour profiles are not applied.

    take: makes pixels of the opened picture as it lies in the file, on its side (`turned`) or not.
    Raises PayloadTooLarge (bytes or pixels), UnsupportedMedia (another format), InvalidField (broken, empty, animated).
    """
    if len(data) > max_bytes:
        raise PayloadTooLarge(f"the image has {len(data)} bytes; at most {max_bytes} are taken", FIELD)
    if not data:
        raise InvalidField("the image is empty", FIELD)
    upload = inspect(data)
    if upload.width * upload.height > max_pixels:
        raise PayloadTooLarge(
            f"the image has {upload.width} x {upload.height} pixels; at most {max_pixels} are taken", FIELD
        )
    if upload.animated:
        raise InvalidField("the image is animated; send one frame", FIELD)
    return upright(_pixels(upload, take), upload.orientation)


def _pixels(upload: Upload, take: Take) -> Pixels:
    try:
        with _DECODERS[upload.format](io.BytesIO(upload.body)) as picture:
            # A file whose parts disagree about its size is never decoded: the limit was checked on the first.
            if picture.size != (upload.width, upload.height):
                raise InvalidField("the image file disagrees with itself about its size", FIELD)
            return take(picture, upload.orientation >= 5)
    except (InvalidField, MemoryError):
        raise
    except Exception as error:
        # Hostile bytes end in whatever exception their decoder had at hand (OSError, SyntaxError, struct.error ...).
        raise InvalidField(f"the {upload.format} file could not be decoded", FIELD) from error
