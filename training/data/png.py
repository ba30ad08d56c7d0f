"""Whether a PNG file is whole: Pillow decodes one whose checksums are wrong, and shows whatever the damage left."""

import zlib

from training.data.errors import Reject

SIGNATURE = b"\x89PNG\r\n\x1a\n"
NEEDED = {b"IHDR", b"PLTE", b"IDAT", b"tRNS"}
"""Chunks that say what the pixels are; damage to any other is no reason to lose the image."""


def require_whole(data: bytes) -> None:
    """data: a file that begins with SIGNATURE. Raises Reject if it ends early or a needed chunk is damaged."""
    view, position = memoryview(data), len(SIGNATURE)
    while position + 12 <= len(data):
        length = int.from_bytes(view[position : position + 4], "big")
        kind, end = bytes(view[position + 4 : position + 8]), position + 12 + length
        if end > len(data):
            break
        checksum = int.from_bytes(view[end - 4 : end], "big")
        if kind in NEEDED and zlib.crc32(view[position + 4 : end - 4]) != checksum:
            raise Reject(f"broken: wrong checksum in its {kind.decode()} chunk")
        if kind == b"IEND":
            return
        position = end
    raise Reject("broken: the file is truncated")
