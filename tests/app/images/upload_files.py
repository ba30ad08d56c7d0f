"""Files as they are uploaded, good and bad, and what becomes of them."""

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.errors import RequestError
from app.images.decode import decode_upload

Pixels = npt.NDArray[np.uint8]
STILL = ["PNG", "JPEG", "WEBP"]


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


def picture(height: int = 12, width: int = 20, mode: str = "RGB") -> Image.Image:
    """Smooth enough for JPEG to keep it recognisable."""
    y, x = np.ogrid[:height, :width]
    planes = (y * 9 + x * 3, x * 11 + y * 0, y * 4 + x * 5, 255 - x * 7 + y * 0)
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8), "RGBA").convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(header: bytes, *rest: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(rest) + chunk(b"IEND", b"")


def png_header(width: int, height: int, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def refused(data: bytes, kind: type[RequestError], **limits: int) -> str:
    with pytest.raises(kind) as caught:
        decode_upload(data, **limits)
    assert caught.value.field == "image"
    return str(caught.value)


def attempted(data: bytes, **limits: int) -> Pixels | None:
    """The pixels, or None where the upload was refused as it should be: by name and without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return decode_upload(data, **limits)
        except RequestError as error:
            return None if error.field == "image" else pytest.fail(f"the error names {error.field!r}")


def damaged(data: bytes, random: Any) -> bytes:
    file = bytearray(data)
    for _ in range(random.randint(1, 8)):
        file[random.randrange(len(file))] = random.randrange(256)
    return bytes(file)
