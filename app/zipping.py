"""A ZIP written front to back while it is sent (PKWARE APPNOTE 6.3.10). Files are stored: a PNG is compressed already.

The size and the checksum of each file are known before it is written: no data descriptors are needed, and a reader may
take the stream as it comes. ZIP64 where the plain fields end, at 65,535 files or 4 GiB. Every date is the earliest that
ZIP knows, so that equal files make equal archives. Of each file eight bytes stay in memory until the directory at the
end is written.
"""

import struct
from array import array
from collections.abc import Callable, Iterator

from isal import isal_zlib

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")
_VERSION, _VERSION64 = 20, 45
_UNIX = 3 << 8
_READABLE = 0o100644 << 16
_NAMES_ARE_UTF8 = 0x0800
_STORED = 0
_MIDNIGHT, _FIRST_DATE = 0, 1 << 5 | 1  # 1980-01-01
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_AT_ONCE = 1000  # files of the directory in one part of it


class ZipStream:
    """name: of file i, from 0, the same each time. `file` or `head` once for each file in turn, then `directory`."""

    def __init__(self, name: Callable[[int], str]) -> None:
        self._name = name
        self._sizes = array("I")
        self._checksums = array("I")

    def file(self, content: bytes) -> bytes:
        """The next file, whole."""
        return self.head(len(content), isal_zlib.crc32(content)) + content

    def head(self, size: int, checksum: int) -> bytes:
        """What stands before the next file's content, which the caller adds. checksum: CRC-32 of it."""
        if size > _MAX32:
            raise ValueError(f"a file of {size} bytes: this writer makes files below 4 GiB")
        name = self._name(len(self._sizes)).encode()
        self._sizes.append(size)
        self._checksums.append(checksum)
        return _LOCAL.pack(b"PK\3\4", _VERSION, *_facts(size, checksum), len(name), 0) + name

    def directory(self) -> Iterator[bytes]:
        """What stands after the last file, in parts."""
        parts: list[bytes] = []
        offset = length = 0
        for i, (size, checksum) in enumerate(zip(self._sizes, self._checksums, strict=True)):
            name = self._name(i).encode()
            parts.append(_entry(name, size, checksum, offset))
            length += len(parts[-1])
            offset += _LOCAL.size + len(name) + size
            if len(parts) == _AT_ONCE:
                yield b"".join(parts)
                parts = []
        yield b"".join((*parts, _end(len(self._sizes), offset, length)))


def _entry(name: bytes, size: int, checksum: int, offset: int) -> bytes:
    beyond = offset >= _MAX32
    more = struct.pack("<HHQ", 1, 8, offset) if beyond else b""
    version = _VERSION64 if beyond else _VERSION
    facts = _facts(size, checksum)
    lengths = len(name), len(more), 0  # no comment
    place = 0, 0, _READABLE, min(offset, _MAX32)  # on the only disk, no text
    return _CENTRAL.pack(b"PK\1\2", _UNIX | version, version, *facts, *lengths, *place) + name + more


def _facts(size: int, checksum: int) -> tuple[int, ...]:
    return _NAMES_ARE_UTF8, _STORED, _MIDNIGHT, _FIRST_DATE, checksum, size, size


def _end(count: int, start: int, length: int) -> bytes:
    """The end of the directory of `count` files, `length` bytes from `start` on."""
    plain = _END.pack(
        b"PK\5\6", 0, 0, min(count, _MAX16), min(count, _MAX16), min(length, _MAX32), min(start, _MAX32), 0
    )
    if count < _MAX16 and start < _MAX32 and length < _MAX32:
        return plain
    rest = _END64.size - 12  # after this field itself
    version = _UNIX | _VERSION64, _VERSION64
    end64 = _END64.pack(b"PK\6\6", rest, *version, 0, 0, count, count, length, start)
    return end64 + _LOCATOR64.pack(b"PK\6\7", 0, start + length, 1) + plain
