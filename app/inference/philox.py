"""Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for many seeds.

In two ways that give the same words. Arrays cost some seventy calls, however few seeds there are; for few, Python's own
integers are quicker, each with the words of all of them, 64 bits apart: a product of two words fills its place and no
more. A seed alone took 70 us as arrays, and three times that where the processor's caches had other work in between;
as integers it takes 12.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
_Uint32s = NDArray[np.uint32]

_ROUNDS = 10
_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_M = np.array([_M0, _M1], np.uint64)[:, None, None]
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_WEYL = np.arange(_ROUNDS, dtype=np.uint64)[:, None] * np.array([0x9E3779B9, 0xBB67AE85], np.uint64) & _LOW
_STEPS: list[tuple[int, int]] = [(int(first), int(second)) for first, second in _WEYL]
_PLACE = 64  # bits
_FEW = 256  # counters: where both ways take as long


def philox(blocks: int, seeds: _Uint32s, stream: int) -> tuple[Words, Words]:
    """The words of counters (0..blocks-1, 0, 0, stream) with keys (seed, 0): w0 and w2, then w1 and w3, each of the two
    arrays uint64 [2, blocks, N] below 2^32, not to be written to."""
    return (_as_integers if blocks * seeds.size <= _FEW else _as_arrays)(blocks, seeds, stream)


def _as_arrays(blocks: int, seeds: _Uint32s, stream: int) -> tuple[Words, Words]:
    """Both halves of a round are one operation."""
    shape = (2, blocks, seeds.size)
    keys = np.empty((_ROUNDS, 2, 1, seeds.size), np.uint64)
    keys[:, 0, 0] = _WEYL[:, :1] + seeds & _LOW
    keys[:, 1, 0] = _WEYL[:, 1:]
    even, odd = np.zeros(shape, np.uint64), np.zeros(shape, np.uint64)
    even[0] = np.arange(blocks, dtype=np.uint64)[:, None]
    odd[1] = stream
    products = np.empty(shape, np.uint64)
    crossed = products[::-1]  # c0 goes on from the product of c2, and the other way round
    for key in keys:
        np.multiply(even, _M, out=products)
        np.right_shift(crossed, _HALF, out=even)
        even ^= odd
        even ^= key
        np.bitwise_and(crossed, _LOW, out=odd)
    return even, odd


class _Places(NamedTuple):
    """Numbers with a word in each place of [blocks, N]. seeds: times a number of N words, those in every row."""

    ones: int
    words: int
    rows: int
    seeds: int


@lru_cache(maxsize=64)
def _places(blocks: int, n: int) -> _Places:
    ones, places = _number(np.ones((blocks, n), np.uint64)), np.zeros((blocks, n), np.uint64)
    rows = places + np.arange(blocks, dtype=np.uint64)[:, None]
    places[:, :1] = 1
    return _Places(ones, ones * int(_LOW), _number(rows), _number(places))


def _as_integers(blocks: int, seeds: _Uint32s, stream: int) -> tuple[Words, Words]:
    ones, words, c0, spread = _places(blocks, seeds.size)
    c1 = c2 = 0
    c3 = ones * stream
    key = _number(seeds) * spread
    for first, second in _STEPS:
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c1 = p1 >> 32 & words ^ c1 ^ (key + ones * first & words), p1 & words
        c2, c3 = p0 >> 32 & words ^ c3 ^ ones * second, p0 & words
    size = blocks * seeds.size * _PLACE // 8
    made = b"".join(word.to_bytes(size, "little") for word in (c0, c2, c1, c3))
    even, odd = np.frombuffer(made, "<u8").reshape(2, 2, blocks, seeds.size)
    return even, odd


def _number(words: NDArray[np.unsignedinteger]) -> int:
    """The first word in the lowest place."""
    return int.from_bytes(words.astype("<u8").tobytes(), "little")
