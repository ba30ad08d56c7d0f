"""The one thing kept from EXIF: which way is up. A reader of that tag alone, and the turn that it asks for."""

import struct

import numpy as np
import numpy.typing as npt

UPRIGHT = 1
_TAG, _SHORT = 0x0112, 3


def orientation(tiff: bytes) -> int:
    """The Orientation tag (1..8) of a TIFF structure, as EXIF 2.32 uses it. UPRIGHT where it is absent or malformed."""
    try:
        order = {b"II": "<", b"MM": ">"}[tiff[:2]]
        magic, offset = struct.unpack_from(f"{order}HI", tiff, 2)
        (count,) = struct.unpack_from(f"{order}H", tiff, offset)
        for entry in range(offset + 2, offset + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _TAG:
                return value if magic == 42 and kind == _SHORT and 1 <= value <= 8 else UPRIGHT
    except (KeyError, struct.error):
        pass
    return UPRIGHT


def upright(image: npt.NDArray[np.uint8], turned: int) -> npt.NDArray[np.uint8]:
    """[H, W, C] turned and mirrored so that it stands as it should be seen; C-contiguous."""
    if turned >= 5:  # 5..8 are 1..4 of the transposed image, in this order
        image = image.swapaxes(0, 1)
        turned = {5: 1, 6: 2, 7: 3, 8: 4}[turned]
    if turned in (2, 3):
        image = image[:, ::-1]
    if turned in (3, 4):
        image = image[::-1]
    return np.ascontiguousarray(image)
