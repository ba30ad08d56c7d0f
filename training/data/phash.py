"""Images that look the same without being the same: other compression, size or format.

The perceptual hash is the sign of the 8x8 lowest frequencies (Zauner 2010, "Implementation and benchmarking of
perceptual image hash functions"). On narrow data, where all images have one layout, hashes alone find far too much: a
pair counts only if the 16x16 thumbnails agree in colour too.
"""

from functools import lru_cache

import numpy as np

from training.data.colour import grey

THUMBNAIL = 16
MAX_BITS = 8
"""Of 64 that may differ."""
MAX_RMS = 6.0
"""Levels of 255 by which two thumbnails may differ, root mean square."""
SKETCH = 8
"""Numbers to which a thumbnail is reduced for a first comparison."""
FEW = 256
LEAST = 0.5
"""Below one grey level in one pixel: what a flat image has of rounding errors is no frequency."""
BANDS = (7, 7, 7, 7, 7, 7, 7, 7, 8)
"""One more than MAX_BITS: hashes that differ in 8 bits agree wholly in at least one band, so only those are
compared."""


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """uint8 [R, R, 3] -> uint8 [16, 16, 3], each value the average of its part of the image."""
    weights = _averages(rgb.shape[0])
    return np.rint(np.einsum("ij,jkc,lk->ilc", weights, rgb.astype(np.float32), weights, optimize=True)).astype(
        np.uint8
    )


def perceptual_hashes(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 [N, 16, 16, 3] -> uint64 [N]."""
    luma = grey(thumbnails)[..., 0].astype(np.float32)
    cosines = _cosines()
    frequencies = (cosines @ luma @ cosines.T).reshape(-1, 64)
    bits = frequencies > np.median(frequencies[:, 1:], axis=1, keepdims=True) + LEAST  # without the first, the mean
    return np.packbits(bits, axis=1).view(">u8")[:, 0].astype(np.uint64)


def near_duplicates(hashes: np.ndarray, thumbnails: np.ndarray) -> np.ndarray:
    """uint64 [N], uint8 [N, 16, 16, 3] -> int64 [N]: for each image the first image that it nearly duplicates, or
    itself.

    Everything is compared with the first of its group only, so that a chain of small steps does not tie the whole set
    together.
    """
    count = len(hashes)
    first = np.arange(count)
    pixels = thumbnails.reshape(count, 3 * THUMBNAIL**2)
    directions = _main_directions(pixels)
    sketches = np.concatenate([pixels[i : i + 4096] @ directions for i in range(0, max(1, count), 4096)])
    buckets = [_buckets(band) for band in _bands(hashes)]
    for i in range(count):
        if first[i] != i:
            continue
        others = np.concatenate([members[starts[i] : ends[i]] for members, starts, ends in buckets])
        others = others[(others > i) & (first[others] == others)]
        others = others[np.bitwise_count(hashes[others] ^ hashes[i]) <= MAX_BITS]
        others = others[_near(sketches, others, i)]  # never larger than the true distance, and soon computed
        first[others[_near(pixels, others, i)]] = i
    return first


def _near(points: np.ndarray, others: np.ndarray, i: int) -> np.ndarray:
    squared: np.ndarray = ((points[others].astype(np.float32) - points[i]) ** 2).sum(axis=1)
    return squared <= MAX_RMS**2 * 3 * THUMBNAIL**2 * (1 + 1e-4)


def _main_directions(pixels: np.ndarray) -> np.ndarray:
    """float32 [D, 8], orthonormal: where the thumbnails differ most."""
    if len(pixels) < FEW:
        return np.eye(pixels.shape[1], SKETCH, dtype=np.float32)
    _, directions = np.linalg.eigh(np.cov(pixels[:: len(pixels) // 2048 + 1], rowvar=False))
    return np.ascontiguousarray(directions[:, -SKETCH:], np.float32)


def _bands(hashes: np.ndarray) -> list[np.ndarray]:
    bands, shift = [], 0
    for width in BANDS:
        bands.append((hashes >> np.uint64(shift)) & np.uint64((1 << width) - 1))
        shift += width
    return bands


def _buckets(band: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(all images ordered by the value of a band, and for each image the start and end of those that share its
    value)."""
    members = np.argsort(band, kind="stable")
    ordered = band[members]
    return members, np.searchsorted(ordered, band, "left"), np.searchsorted(ordered, band, "right")


@lru_cache
def _averages(side: int) -> np.ndarray:
    """float32 [16, side]: row i averages the i-th sixteenth of a line, pixels on a border counted in part."""
    edges = np.arange(THUMBNAIL + 1) * side / THUMBNAIL
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(overlap, 0, None) * THUMBNAIL / side).astype(np.float32)


@lru_cache
def _cosines() -> np.ndarray:
    """float32 [8, 16]: the lowest rows of the discrete cosine transform."""
    k, n = np.arange(8)[:, None], np.arange(THUMBNAIL)
    return np.cos(np.pi * k * (2 * n + 1) / (2 * THUMBNAIL)).astype(np.float32)
