"""Pixels to a file in one of the formats served. PNG is this package's own; WebP and JPEG are Pillow's."""

import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from app.images.grid import CHANNELS, pixel
from app.images.png import encode_png
from app.images.provenance import Recipe

Format = Literal["png", "webp", "jpeg"]
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}

JPEG_QUALITY = 90
JPEG_XMP_LIMIT = 65_502  # one APP1 segment: 65,535 bytes less its length field and the name of the XMP namespace
_WEBP_MAX_SIDE = 16_383
_JPEG_MAX_SIDE = 65_500  # of libjpeg; the format itself could say 65,535
# libwebp's effort, 0..6. At 1 drawings get their matches (0.6 of the PNG's bytes, against 1.0 at 0); from 3 on a grid
# of 530 x 530 costs over 100 ms, and lossy at 6 with an alpha channel took 6 s.
_WEBP_EFFORT = 1

__all__ = ["JPEG_QUALITY", "MEDIA_TYPES", "Format", "encode", "encode_jpeg", "encode_png", "encode_webp"]


def encode(
    image: npt.NDArray[np.uint8],
    form: Format,
    *,
    recipe: Recipe | None = None,
    quality: int | None = None,
    background: Sequence[int] = (255, 255, 255),
) -> bytes:
    """uint8 [H, W, 1|3|4] as a file that carries its recipe. `quality`, 1..100, makes WebP lossy; PNG ignores it."""
    if form == "png":
        return encode_png(image, recipe.png_chunks(), recipe.filtered) if recipe else encode_png(image)
    xmp = recipe.xmp(MEDIA_TYPES[form]) if recipe else b""
    if form == "webp":
        return encode_webp(image, quality=quality, xmp=xmp)
    return encode_jpeg(image, quality=JPEG_QUALITY if quality is None else quality, background=background, xmp=xmp)


def encode_webp(image: npt.NDArray[np.uint8], *, quality: int | None = None, xmp: bytes = b"") -> bytes:
    """Lossless unless `quality` (1..100) is given, because a seed is an image. Sides up to 16,383 pixels.

    Lossless keeps the colour of transparent pixels too. WebP has no greyscale: one channel comes back as three.
    Raises ValueError for what WebP cannot hold.
    """
    picture = _picture(image, _WEBP_MAX_SIDE, "WebP")
    file = io.BytesIO()
    if quality is None:
        # For lossless files libwebp reads `quality` as effort as well; 0 is the fast end.
        picture.save(file, "WEBP", lossless=True, exact=True, quality=0, method=_WEBP_EFFORT, xmp=xmp)
    else:
        picture.save(file, "WEBP", quality=_checked(quality), method=_WEBP_EFFORT, xmp=xmp)
    return file.getvalue()


def encode_jpeg(
    image: npt.NDArray[np.uint8],
    *,
    quality: int = JPEG_QUALITY,
    background: Sequence[int] = (255, 255, 255),
    xmp: bytes = b"",
) -> bytes:
    """Baseline JPEG, 4:4:4: half-resolution colour shows on drawings. RGBA is laid over the opaque `background` first.

    Raises ValueError for what JPEG cannot hold, and for `xmp` over JPEG_XMP_LIMIT bytes.
    """
    if len(xmp) > JPEG_XMP_LIMIT:
        raise ValueError(f"xmp must fit in {JPEG_XMP_LIMIT} bytes, not {len(xmp)}")
    picture = _picture(image, _JPEG_MAX_SIDE, "JPEG")
    if picture.mode == "RGBA":
        picture = _over(picture, pixel(background, 3))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=_checked(quality), subsampling="4:4:4", **({"xmp": xmp} if xmp else {}))
    return file.getvalue()


def _picture(image: npt.NDArray[np.uint8], max_side: int, name: str) -> Image.Image:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in CHANNELS or 0 in image.shape:
        raise ValueError(f"image must be uint8 [H, W, 1|3|4] and not empty, not {image.dtype} {image.shape}")
    if max(image.shape[:2]) > max_side:
        raise ValueError(f"a side of a {name} file has at most {max_side} pixels, not {max(image.shape[:2])}")
    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _over(picture: Image.Image, backdrop: npt.NDArray[np.uint8]) -> Image.Image:
    """Straight alpha over an opaque colour, rounded to nearest (Porter and Duff 1984)."""
    flat = Image.new("RGB", picture.size, tuple(backdrop.tolist()))
    flat.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    return flat


def _checked(quality: int) -> int:
    if not 1 <= quality <= 100:
        raise ValueError(f"quality must be from 1 to 100, not {quality}")
    return quality
