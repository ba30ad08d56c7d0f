"""Pixels to the zlib stream inside a PNG: choose a filter, apply it in numpy, deflate with ISA-L.

Why not all five filters for every row, as zlib-based encoders try: with ISA-L at level 1 the deflate is so cheap that
the Paeth filter alone, in numpy, would cost ten times as much. What measured best is a choice between two ways: no
filter at all (flat drawings: equal bytes repeat, and matches do the work), or in each row Up or Sub, whichever leaves
the smaller residuals (everything else). Deflating six bands of rows both ways tells which: on 1,500 grids of drawings,
emoji and garments, clean, noisy and enlarged, the file was 0.4 % larger than the better one in the mean, and more than
5 % larger 28 times (benchmarks/filters.py). Bands at even distances meet the tiles of many a grid at the same height,
often where all are empty: four of them were 1.1 % off, and 83 times more than 5 %.

The pictures of one generator are alike, though: of the bundled ones nearly all are smaller the same way, which
`usually_filtered` finds once, from some of them. For its pictures that saves the trial, which is half the work on one
of 64x64.
"""

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

LEVEL = 1  # 0 is 20-60 % larger; 2 is the same size and speed within noise; 3 is slower and often larger
BAND_STARTS = (0.090, 0.236, 0.472, 0.618, 0.708, 0.854)  # parts of the height: multiples of the golden ratio, mod 1
TRIAL_BYTES = 16_384
MIN_BAND_ROWS = 6
BANDS_IN_HEIGHT = 128  # a band is at least this part of the height: wide enough for the repeated rows of a scaled image
PLAINLY_FLAT = 4  # a small image that shrinks to a quarter without a filter is a drawing, and needs no second try
USUAL = 1.02  # what one way for all may cost, of the bytes that the better way for each would take

# The heads of a zlib stream (deflate, a window of 32 KiB, made fast) and of a stored block of one byte, not the last.
_STORED_BYTE = b"\x78\x5e" + b"\0" + (1).to_bytes(2, "little") + (0xFFFF - 1).to_bytes(2, "little")

_NONE, _SUB, _UP = 0, 1, 2
_COST_BLOCK = 256  # residuals are at most 128, so 256 of them sum without overflow in 16 bits, which numpy adds fastest

Bytes2D = npt.NDArray[np.uint8]


def deflate_scanlines(image: npt.NDArray[np.uint8], filtered: bool | None = None) -> bytes:
    """The content of IDAT for uint8 [H, W, C]: scanlines filtered and deflated (PNG specification, 9 and 10).

    filtered: with Up or Sub, or without a filter; None: whichever of the two makes it smaller, by trial.
    """
    rows, channels = _rows(image), image.shape[2]
    if filtered is not None:
        return _deflate(_filtered(rows, channels) if filtered else _unfiltered(rows))
    return _smaller(rows, channels)


def usually_filtered(images: npt.NDArray[np.uint8]) -> bool | None:
    """Which way suits pictures like these, uint8 [N, H, W, C]; None if it depends on the picture."""
    filtered = [len(deflate_scanlines(image, True)) for image in images]
    plain = [len(deflate_scanlines(image, False)) for image in images]
    least = sum(map(min, filtered, plain))
    usual = min(sum(filtered), sum(plain))
    return sum(filtered) == usual if usual <= USUAL * least else None


def _rows(image: npt.NDArray[np.uint8]) -> Bytes2D:
    height, width, channels = image.shape
    return np.ascontiguousarray(image).reshape(height, width * channels)


def _smaller(rows: Bytes2D, channels: int) -> bytes:
    trial = _bands(rows)
    plain = _deflate(_unfiltered(trial))
    if trial is rows and len(plain) * PLAINLY_FLAT < rows.nbytes:
        return plain
    filtered = _deflate(_filtered(trial, channels))
    if trial is rows:
        return min(plain, filtered, key=len)
    return _deflate(_unfiltered(rows) if len(plain) <= len(filtered) else _filtered(rows, channels))


def _deflate(scanlines: Bytes2D) -> bytes:
    """A zlib stream (RFC 1950) whose first byte stands in a stored block (RFC 1951, 3.2.4), the rest deflated after it.

    Because ISA-L (2.32.1 on x86-64, igzip_icf_body_h1_gr_bt.asm) files the third byte of a stream under the hash of a
    register that it has not set, where a part of the address of the thread's stack is left. Now and then that finds or
    loses a match, and equal pixels have other bytes in another thread. What has something before it goes another way.
    """
    content = scanlines.data.cast("B")
    first = content[:1]
    rest = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS, zdict=first)
    checksum = isal_zlib.adler32(content).to_bytes(4, "big")
    return b"".join([_STORED_BYTE, first, rest.compress(content[1:]), rest.flush(), checksum])


def _bands(rows: Bytes2D) -> Bytes2D:
    """Bands of rows spread over the image, at least TRIAL_BYTES in all; the image itself where that is half of it: both
    ways in full are then no dearer than a trial and one of them."""
    height, stride = rows.shape
    bands = len(BAND_STARTS)
    band = max(MIN_BAND_ROWS, height // BANDS_IN_HEIGHT, TRIAL_BYTES // bands // stride)
    if height <= 2 * band * bands:
        return rows
    starts = [int(part * (height - band)) for part in BAND_STARTS]
    return np.concatenate([rows[start : start + band] for start in starts])


def _unfiltered(rows: Bytes2D) -> Bytes2D:
    height, stride = rows.shape
    lines = np.empty((height, stride + 1), np.uint8)
    lines[:, 0] = _NONE
    lines[:, 1:] = rows
    return lines


def _filtered(rows: Bytes2D, channels: int) -> Bytes2D:
    """Each row as Sub (minus the pixel to the left) or Up (minus the row above), modulo 256."""
    height, stride = rows.shape
    lines = np.empty((height, stride + 1), np.uint8)
    lines[:, 0] = _SUB
    lines[:, 1 : channels + 1] = rows[:, :channels]
    np.subtract(rows[:, channels:], rows[:, :-channels], out=lines[:, channels + 1 :])
    up = np.subtract(rows[1:], rows[:-1])
    # Ties go to Up: a row of zeros, as every repeated row of a scaled image is.
    better = _residuals(up) <= _residuals(lines[1:, 1:])
    chosen = lines[1:]
    chosen[better, 0] = _UP
    chosen[better, 1:] = up[better]
    return lines


def _residuals(differences: Bytes2D) -> npt.NDArray[np.uint32]:
    """Sum over each row of the absolute value of the differences, read as signed bytes (PNG specification, 12.7)."""
    sizes = np.abs(differences.view(np.int8)).view(np.uint8)
    blocks = sizes.shape[1] // _COST_BLOCK
    if not blocks:
        narrow: npt.NDArray[np.uint32] = sizes.sum(axis=1, dtype=np.uint32)
        return narrow
    # The last, partial block is left out: it decides nothing that the rest of a wide row would not.
    sizes = sizes[:, : blocks * _COST_BLOCK].reshape(len(sizes), blocks, _COST_BLOCK)
    totals: npt.NDArray[np.uint32] = sizes.sum(axis=2, dtype=np.uint16).sum(axis=1, dtype=np.uint32)
    return totals
