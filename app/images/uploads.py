"""Read an uploaded file's own words before any decoder sees it: format, size, animation, orientation.

The containers are walked here, by hand and within bounds, for three reasons. The size is known, and refused, before a
pixel is allocated. Only what the pixels need is passed on, so that no decoder parses EXIF, colour profiles or comments.
And Pillow, given such a file, has nothing to warn about; its warnings cannot be silenced in one thread alone.
Sources: PNG third edition; ITU-T T.81 annex B; RFC 9649 (WebP).
"""

import struct
from dataclasses import dataclass
from typing import Literal

from isal import isal_zlib

from app.errors import InvalidField, UnsupportedMedia
from app.images.orientation import UPRIGHT, orientation

FIELD = "image"
_MAX_CHUNKS = 65_536
_MAX_SCANS = 64  # each scan of a progressive JPEG is one more pass over all pixels; files have about ten

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_JPEG = b"\xff\xd8\xff"
# Comments and all APPn but JFIF's (0) and Adobe's (14), which tell the colour space.
_JPEG_DROPPED = (*range(0xE1, 0xEE), 0xEF, 0xFE)
_JPEG_FRAMES = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
_START_OF_SCAN = 0xDA
_EXIF = b"Exif\0\0"


@dataclass(frozen=True)
class Upload:
    """What the file says of itself. `body` is the file without its metadata; `orientation` is EXIF's 1..8."""

    format: Literal["PNG", "JPEG", "WEBP"]
    width: int
    height: int
    animated: bool
    orientation: int
    body: bytes


def inspect(data: bytes) -> Upload:
    """Raises UnsupportedMedia if this is no PNG, JPEG or WebP, InvalidField if it is one that is broken."""
    try:
        if data.startswith(_PNG):
            upload = _png(data)
        elif data.startswith(_JPEG):
            upload = _jpeg(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            upload = _webp(data)
        else:
            raise UnsupportedMedia("the image must be a PNG, JPEG or WebP file", FIELD)
    except (struct.error, IndexError) as error:
        raise InvalidField("the image file is cut short", FIELD) from error
    if upload.width < 1 or upload.height < 1:
        raise InvalidField("the image has no pixels", FIELD)
    return upload


def _png(data: bytes) -> Upload:
    kept = [_PNG]
    size: tuple[int, int] | None = None
    turned, frames = UPRIGHT, 1
    position = len(_PNG)
    for _ in range(_MAX_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, position)
        content, position, start = position + 8, position + 12 + length, position
        if position > len(data):
            raise InvalidField("the image file is cut short", FIELD)
        if (kind == b"IHDR") != (size is None):
            raise InvalidField("a PNG file must begin with its one header", FIELD)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", data, content)
            size = width, height
        elif kind == b"acTL":
            (frames,) = struct.unpack_from(">I", data, content)
        elif kind == b"eXIf":
            turned = orientation(data[content : content + length])
        if kind in _PNG_KEPT:
            if isal_zlib.crc32(data[start + 4 : position - 4]) != struct.unpack_from(">I", data, position - 4)[0]:
                raise InvalidField("the PNG file is damaged: a checksum is wrong", FIELD)
            kept.append(data[start:position])
        if kind == b"IEND" and size:
            return Upload("PNG", *size, animated=frames > 1, orientation=turned, body=b"".join(kept))
    raise InvalidField("the PNG file is in too many pieces", FIELD)


def _jpeg(data: bytes) -> Upload:
    kept = [data[:2]]
    size: tuple[int, int] | None = None
    turned = UPRIGHT
    position = 2
    for _ in range(_MAX_CHUNKS):
        if data[position] != 0xFF:
            raise InvalidField("the JPEG file is broken", FIELD)
        marker = data[position + 1]
        if marker == 0xFF:  # padding before a marker
            position += 1
            continue
        if marker == _START_OF_SCAN:
            break
        (length,) = struct.unpack_from(">H", data, position + 2)
        segment = data[position : position + 2 + length]
        if marker in _JPEG_FRAMES:
            if size:
                raise InvalidField("the JPEG file has two headers", FIELD)
            height, width = struct.unpack_from(">HH", segment, 5)
            size = width, height
        elif marker == 0xE1 and segment[4:10] == _EXIF and turned == UPRIGHT:
            turned = orientation(segment[10:])
        if marker not in _JPEG_DROPPED:
            kept.append(segment)
        position += 2 + length
    else:
        raise InvalidField("the JPEG file is in too many pieces", FIELD)
    if not size or data.count(b"\xff\xda", position) > _MAX_SCANS:
        raise InvalidField("the JPEG file has no header, or too many scans", FIELD)
    return Upload("JPEG", *size, animated=False, orientation=turned, body=b"".join((*kept, data[position:])))


def _webp(data: bytes) -> Upload:
    (length,) = struct.unpack_from("<I", data, 4)
    end = 8 + length
    if end > len(data):
        raise InvalidField("the image file is cut short", FIELD)
    width = height = 0
    turned, animated = UPRIGHT, False
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            break
        kind, length = struct.unpack_from("<4sI", data, position)
        content = position + 8
        across, down = _webp_size(kind, data, content)
        width, height = max(width, across), max(height, down)
        animated = animated or kind in (b"ANIM", b"ANMF")
        if kind == b"EXIF":
            turned = orientation(data[content : content + length].removeprefix(_EXIF))
        position = content + length + length % 2
    # Pillow reads nothing of EXIF or XMP in a WebP file unless it is asked, so the body goes on as it is.
    return Upload("WEBP", width, height, animated=animated, orientation=turned, body=data)


def _webp_size(kind: bytes, data: bytes, content: int) -> tuple[int, int]:
    """Width and height said by a chunk of a WebP file; 0, 0 by a chunk that says none."""
    if kind == b"VP8X":
        low, high, wide = struct.unpack_from("<HBH", data, content + 4)
        return 1 + low + (high << 16), 1 + wide + (data[content + 9] << 16)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, content + 1)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        across, down = struct.unpack_from("<HH", data, content + 6)
        return across & 0x3FFF, down & 0x3FFF
    return 0, 0
