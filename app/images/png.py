"""The PNG container (W3C PNG, third edition): signature, chunks and their checksums around the deflated scanlines."""

import re
import struct
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

from app.images.scanlines import deflate_scanlines

REVISION = 2  # of the bytes that a picture has, for what must name them unseen (app/api/image_urls.py)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPE = {1: 0, 3: 2, 4: 6}  # channels -> greyscale, truecolour, truecolour with alpha
_MAX_LENGTH = 2**31 - 1
_ANCILLARY = re.compile(rb"[a-z][A-Za-z][A-Z][A-Za-z]\Z")


def encode_png(
    image: npt.NDArray[np.uint8], chunks: Sequence[tuple[bytes, bytes]] = (), filtered: bool | None = None
) -> bytes:
    """uint8 [H, W, C], C in {1, 3, 4}, as an 8-bit PNG; `chunks` (type, data) stand before the pixels, in their order;
    `filtered` as in scanlines.py.

    Equal input gives equal bytes on one kind of CPU with one version of ISA-L. Raises ValueError for another shape or
    type, and for a chunk that is not ancillary (PNG specification, 5.4).
    """
    head = _head(image, chunks)
    return b"".join([*head, *_framed(b"IDAT", deflate_scanlines(image, filtered)), _END])


def encode_apng(
    frames: npt.NDArray[np.uint8],
    frame_ms: int,
    chunks: Sequence[tuple[bytes, bytes]] = (),
    filtered: bool | None = None,
) -> bytes:
    """uint8 [N, H, W, C] as an animated PNG that repeats endlessly, each frame whole and shown for frame_ms (1..65535).

    Readers that know no animation show the first frame. `chunks`, `filtered`, bytes and ValueError as encode_png.
    """
    if not 1 <= frame_ms <= 0xFFFF or frames.ndim != 4 or 0 in frames.shape:
        raise ValueError(f"frames must be [N, H, W, C], shown for 1 to 65535 ms, not {frames.shape} for {frame_ms}")
    height, width = frames.shape[1:3]
    parts = [*_head(frames[0], chunks), *_framed(b"acTL", struct.pack(">II", len(frames), 0))]
    number = 0  # of the control chunk or the continued pixels: they share one sequence
    for i, frame in enumerate(frames):
        # At 0, 0, for frame_ms / 1000 s, nothing disposed of, nothing blended.
        control = struct.pack(">IIIIIHHBB", number, width, height, 0, 0, frame_ms, 1000, 0, 0)
        pixels = deflate_scanlines(frame, filtered)
        parts += _framed(b"fcTL", control)
        parts += _framed(b"fdAT", struct.pack(">I", number + 1) + pixels) if i else _framed(b"IDAT", pixels)
        number += 2 if i else 1
    return b"".join([*parts, _END])


def international_text(keyword: str, text: str) -> tuple[bytes, bytes]:
    """An uncompressed iTXt chunk. Raises ValueError unless the keyword is 1 to 79 printable Latin-1 characters."""
    name = keyword.encode("latin-1")
    if not 1 <= len(name) <= 79 or not keyword.isprintable() or keyword != keyword.strip():
        raise ValueError(f"not a PNG keyword: {keyword!r}")
    if "\0" in text:
        raise ValueError("the text of an iTXt chunk holds no null character")
    # Not compressed, no compression method, no language tag, no translated keyword.
    return b"iTXt", name + b"\0\0\0\0\0" + text.encode()


def _head(image: npt.NDArray[np.uint8], chunks: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in _COLOUR_TYPE or 0 in image.shape:
        raise ValueError(f"image must be uint8 [H, W, 1|3|4] and not empty, not {image.dtype} {image.shape}")
    parts = [_beginning(*image.shape)]
    for kind, data in chunks:
        if not _ANCILLARY.match(kind):
            raise ValueError(f"not the type of an ancillary chunk: {kind!r}")
        parts += _framed(kind, data)
    return parts


@lru_cache(maxsize=64)
def _beginning(height: int, width: int, channels: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPE[channels], 0, 0, 0)
    return b"".join([SIGNATURE, *_framed(b"IHDR", header)])


def _framed(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes]:
    if len(data) > _MAX_LENGTH:
        raise ValueError(f"a PNG chunk holds at most {_MAX_LENGTH} bytes, not {len(data)}")
    checksum = isal_zlib.crc32(data, isal_zlib.crc32(kind))
    return struct.pack(">I4s", len(data), kind), data, struct.pack(">I", checksum)


_END = b"".join(_framed(b"IEND", b""))
