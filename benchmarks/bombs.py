"""Files that cost the most to look at: bombs that are to be refused, and the largest that are still taken.

    python -m benchmarks.bombs FILE...

reads and decodes each as training does, and prints what that took, a line of JSON a file: seconds of processor time,
which other work on the machine does not change, and megabytes. benchmarks/zoo.py starts it once for each, because
memory that a process once had is not told apart from memory that it needs.
"""

import io
import json
import struct
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from benchmarks.zoo_files import chunk, encoded, png
from training.data.decode import MAX_PIXELS, MAX_PIXELS_PROGRESSIVE, decode
from training.data.errors import Reject
from training.data.scan import read

RESOLUTION = 64
MILLION = 1_000_000


def bombs() -> dict[str, Callable[[], bytes]]:
    """Name -> what makes the file; some take seconds to make."""
    return {
        "50000x50000.png": lambda: png(50000, 50000, bytes(50 * MILLION)),
        "largest-header.png": lambda: png(2**31 - 1, 2**31 - 1),
        "more-than-said.png": lambda: png(64, 64, bytes(500 * MILLION)),
        "text-of-500-mb.png": lambda: png(64, 64, bytes(64 * 193), _text(500 * MILLION)),
        "profile-of-500-mb.png": lambda: png(64, 64, bytes(64 * 193), _profile(500 * MILLION)),
        "200-scans.jpg": _scans,
        "65535x65535.gif": lambda: b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(6) + b",",
        "60000x60000.bmp": _bmp,
        "largest-taken.png": lambda: encoded(_square(MAX_PIXELS["PNG"], "RGBA")),
        "largest-taken.jpg": lambda: encoded(_square(MAX_PIXELS["JPEG"]), "JPEG"),
        "largest-taken-progressive.jpg": lambda: encoded(
            _square(MAX_PIXELS_PROGRESSIVE), "JPEG", progressive=True, subsampling=0
        ),
        "largest-taken.webp": lambda: encoded(_square(MAX_PIXELS["WebP"], "RGBA"), "WEBP", method=0),
        "largest-taken.gif": lambda: encoded(_square(MAX_PIXELS["GIF"], "P"), "GIF"),
        "largest-taken.bmp": lambda: encoded(_square(MAX_PIXELS["BMP"]), "BMP"),
    }


def main() -> None:
    decode(encoded(Image.new("RGB", (16, 16))), RESOLUTION)  # what is loaded once for all is no bomb's cost
    for file in sys.argv[1:]:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        before, began = _status("VmRSS"), time.process_time()
        try:
            decode(read(Path(file)), RESOLUTION)
            said = "taken"
        except Reject as reason:
            said = str(reason)
        seconds = time.process_time() - began
        print(json.dumps({"seconds": seconds, "megabytes": (_status("VmHWM") - before) / 1e3, "said": said}))


def _status(field: str) -> int:
    """Kilobytes of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def _square(pixels: int, mode: str = "RGB") -> Image.Image:
    side = int(pixels**0.5)
    return Image.radial_gradient("L").resize((side, side)).convert(mode)


def _text(length: int) -> bytes:
    return chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(length)))


def _profile(length: int) -> bytes:
    return chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(length)))


def _scans() -> bytes:
    """A small JPEG whose last scan is repeated."""
    file = io.BytesIO()
    Image.radial_gradient("L").resize((3000, 3000)).save(file, "JPEG", progressive=True)
    whole = file.getvalue()
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * 200 + whole[-2:]


def _bmp() -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 60000, 60000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


if __name__ == "__main__":
    main()
