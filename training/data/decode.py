"""One image file to pixels at the target size, by one stated rule; whatever cannot be used raises Reject with the
reason.

The rule (RULE names it; it changes whenever the pixels would):
1. PNG, JPEG, WebP, GIF and BMP, told by their first bytes and not by their names; of an animation the
   first frame, whatever became of the others.
2. Refused by the header alone, before anything is decoded: too many pixels (MAX_PIXELS), a side below 8 pixels, or,
   when cropping, a long side of more than 4 times the short one.
3. Turned upright by the EXIF orientation. No metadata goes further than this; colour profiles are not applied.
4. Grey, palette and CMYK become RGB; of 16 bits the upper 8 are kept; palettes, LA and colour keys give transparency.
5. fit "crop": the centred square. fit "pad": the whole image, centred in a square that is transparent white.
6. Resized by Lanczos, on premultiplied alpha; an image that has the size already is left as it is. Fully transparent
   pixels are white, whatever colour the file hid there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from training.data.errors import Reject
from training.data.png import SIGNATURE, require_whole

Fit = Literal["crop", "pad"]

RULE = "upright-lanczos-1"
MILLION = 1_000_000
MAX_PIXELS = {"PNG": 24 * MILLION, "JPEG": 64 * MILLION, "WebP": 12 * MILLION, "GIF": 24 * MILLION, "BMP": 16 * MILLION}
"""So that no file takes more than 200 MB: a JPEG is decoded at a fraction of its size, libwebp holds four copies, and
a BMP is as large in its file as in memory."""
MAX_PIXELS_PROGRESSIVE = 24 * MILLION
"""A progressive JPEG keeps all its coefficients in memory, however small it is drawn."""
MAX_JPEG_SCANS = 100
"""A progressive JPEG has about 10; each more is another pass over all its pixels, for a few bytes of file."""
MIN_SIDE = 8
MAX_ASPECT = 4
REDUCING_GAP = 3
"""Large images are first averaged down to this many times the target, which Lanczos then meets: as good, and far
quicker."""
STRIP_ROWS = 64

# The plugins themselves and not Image.open: one decoder and no other, and no warning, which threads could not silence.
DECODERS: dict[str, type[ImageFile]] = {
    "PNG": PngImageFile,
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
}

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Header:
    """What a file says of itself. width and height are of the upright image; `turned` if the EXIF orientation is not
    1."""

    format: str
    mode: str
    width: int
    height: int
    turned: bool

    @property
    def side(self) -> int:
        """The shorter one, in pixels."""
        return min(self.width, self.height)


def format_of(start: bytes) -> str | None:
    """The format that a file's first 16 bytes announce, or None."""
    if start.startswith(SIGNATURE):
        return "PNG"
    if start.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if start.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    # "BM" alone also begins many a text; the length of the second header must be one of those there are.
    is_bmp = start.startswith(b"BM") and int.from_bytes(start[14:16], "little") in {12, 16, 40, 52, 56, 64, 108, 124}
    return "BMP" if is_bmp else None


def inspect(data: bytes, fit: Fit = "crop") -> Header:
    """Reads the header of an image file and applies points 1 and 2 of the rule. Raises Reject; decodes nothing."""
    with _broken_is_reject(), _open(data) as picture:
        return _admitted(picture, data, fit)


def decode(data: bytes, resolution: int, fit: Fit = "crop") -> np.ndarray:
    """An image file as uint8 [resolution, resolution, 4] (RGBA, not premultiplied), by the rule above. Raises
    Reject."""
    with _broken_is_reject(), _open(data) as picture:
        header = _admitted(picture, data, fit)
        if header.format == "PNG":
            require_whole(data)
        orientation = _orientation(picture)
        if isinstance(picture, JpegImageFile):
            # libjpeg scales by eighths while decoding; several times the target leaves Lanczos something to do.
            picture.draft(None, (REDUCING_GAP * resolution, REDUCING_GAP * resolution))
        picture.load()
        square = _squared(picture, resolution, fit)
    if orientation != 1:
        square = square.transpose(UPRIGHT[orientation])
    pixels = np.array(square)
    pixels[pixels[..., 3] == 0, :3] = 255
    return pixels


@contextmanager
def _broken_is_reject() -> Iterator[None]:
    try:
        yield
    except (Reject, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Reject(f"too large: {error}") from error
    except Exception as error:  # hostile bytes end in whatever exception their decoder had at hand
        raise Reject(f"broken: {error or type(error).__name__}") from error


def _open(data: bytes) -> ImageFile:
    if not data:
        raise Reject("empty file")
    name = format_of(data[:16])
    if name is None:
        raise Reject(f"not an image: its first bytes are of none of {', '.join(DECODERS)}")
    return DECODERS[name](BytesIO(data))


def _admitted(picture: ImageFile, data: bytes, fit: Fit) -> Header:
    """The header, if point 2 of the rule lets it pass."""
    orientation = _orientation(picture)
    width, height = picture.size[::-1] if orientation >= 5 else picture.size
    header = Header(format_of(data[:16]) or "", picture.mode, width, height, orientation != 1)
    size = f"{width}x{height} pixels"
    most = MAX_PIXELS_PROGRESSIVE if "progressive" in picture.info else MAX_PIXELS[header.format]
    if width * height > most:
        raise Reject(f"too large: {size}; at most {most // MILLION} million")
    if header.format == "JPEG" and data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        raise Reject(f"a JPEG of more than {MAX_JPEG_SCANS} scans")
    if header.side < MIN_SIDE:
        raise Reject(f"too small: {size}; at least {MIN_SIDE} a side are needed")
    if fit == "crop" and max(width, height) > MAX_ASPECT * header.side:
        raise Reject(f"too long: {size}; of one more than {MAX_ASPECT} times as long as wide a square shows too little")
    return header


def _orientation(picture: ImageFile) -> int:
    """The EXIF orientation, 1 to 8; 1 if there is none or it cannot be read: the pixels may be good all the same."""
    try:
        orientation = int(picture.getexif().get(0x0112, 1))
    except Exception:
        return 1
    return orientation if orientation in UPRIGHT else 1


def _squared(picture: Image.Image, resolution: int, fit: Fit) -> Image.Image:
    """RGBA, resolution x resolution: point 5 of the rule."""
    width, height = picture.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return _resized(picture, (left, top, left + side, top + side), (resolution, resolution))
    scale = resolution / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = Image.new("RGBA", (resolution, resolution), (255, 255, 255, 0))
    canvas.paste(
        _resized(picture, (0, 0, width, height), size), ((resolution - size[0]) // 2, (resolution - size[1]) // 2)
    )
    return canvas


def _resized(picture: Image.Image, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """The box of the picture as RGBA of `size`: point 6 of the rule."""
    width, height = box[2] - box[0], box[3] - box[1]
    if (width, height) == size:
        return _coloured(picture.crop(box)).convert("RGBA")
    factor = max(1, int(min(width / size[0], height / size[1]) / REDUCING_GAP))
    shrunk = _shrunk(picture, box, factor)
    return shrunk.resize(size, Image.Resampling.LANCZOS, (0, 0, width / factor, height / factor)).convert("RGBA")


def _shrunk(picture: Image.Image, box: tuple[int, int, int, int], factor: int) -> Image.Image:
    """The box, each factor x factor square averaged, as RGB or RGBa (premultiplied). In strips: converted at once, a
    large image would be held several times over."""
    left, top, right, bottom = box
    mode = "RGBa" if picture.has_transparency_data else "RGB"
    shrunk = Image.new(mode, (-(-(right - left) // factor), -(-(bottom - top) // factor)))
    for row in range(0, shrunk.height, STRIP_ROWS):
        y = top + row * factor
        strip = picture.crop((left, y, right, min(bottom, y + STRIP_ROWS * factor)))
        shrunk.paste(_coloured(strip).convert(mode).reduce(factor), (0, row))
    return shrunk


def _coloured(picture: Image.Image) -> Image.Image:
    """RGBA if there is transparency, otherwise RGB: point 4 of the rule."""
    if not picture.mode.startswith("I"):
        return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    values = np.asarray(picture)  # 16 bit grey, which convert() would clip to 255 instead of scaling
    grey = Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if (key := picture.info.get("transparency")) is not None:
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey
