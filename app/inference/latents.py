"""From seeds to generator inputs: one Philox stream a seed, whatever the batch, the slot or the device.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011) with key (seed, 0)
and counter (block, 0, 0, stream). Stream 0 gives latents: the words w0..w3 of block b become z[4b..4b+3] by Box-Muller
in float64, u1 = (w0 + 1) / 2^32, u2 = w1 / 2^32, r = sqrt(-2 ln u1), (r cos 2 pi u2, r sin 2 pi u2), the same with w2
and w3, cast to float32. Stream 1 gives the label of a request that named none. The algorithm is part of the published
format (models/README.md) and owes nothing to a library's generator, so that no upgrade can change an image.
"""

import math

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
Uint32s = NDArray[np.uint32]
_Words = NDArray[np.uint64]

_ROUNDS = 10
_M = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)[:, None, None]
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_WEYL = np.arange(_ROUNDS, dtype=np.uint64)[:, None] * np.array([0x9E3779B9, 0xBB67AE85], np.uint64) & _LOW
_LATENT_STREAM, _LABEL_STREAM = 0, 1
_CHUNK = 4096  # blocks worked on at once: three arrays of two words each stay inside a 256 kB cache


def latents(seeds: Uint32s, z_dim: int) -> Float32s:
    """Standard normal latents.

    seeds: uint32 [N]. Returns float32 [N, z_dim], C-contiguous; row i depends on seeds[i] and z_dim alone, and the
    first columns do not depend on z_dim either.
    """
    blocks = -(-z_dim // 4)
    z = np.empty((seeds.size, z_dim), np.float32)
    step = max(1, _CHUNK // blocks)
    for start in range(0, seeds.size, step):
        even, odd = _philox(blocks, seeds[start : start + step], _LATENT_STREAM)
        z[start : start + step] = _box_muller(even, odd)[:z_dim].T
    return z


def labels_for(seeds: Uint32s, num_classes: int) -> Int64s:
    """The class each seed draws when the request names none: int64 [N] in [0, num_classes), all 0 if there are none."""
    if num_classes == 0:
        return np.zeros(seeds.size, np.int64)
    drawn: Int64s = (_label_words(seeds) % np.uint64(num_classes)).astype(np.int64)
    return drawn


def shares_of(seeds: Uint32s, parts: int) -> Int64s:
    """Where each seed falls when [0, 1) is cut into equal parts: int64 [N] in [0, parts), by its label's word."""
    fallen: Int64s = (_label_words(seeds) * np.uint64(parts) >> _HALF).astype(np.int64)
    return fallen


def truncate(z: Float32s, psi: float, mean: Float32s | None) -> Float32s:
    """Pull latents towards `mean` (None: the origin): mean + psi * (z - mean), float32, psi in [0, 1].

    psi = 1 returns z itself, bit for bit. Source: the truncation trick of Karras et al. 2019 (StyleGAN), there in W.
    """
    if psi == 1.0:
        return z
    scale = np.float32(psi)
    return z * scale if mean is None else mean + scale * (z - mean)


def _label_words(seeds: Uint32s) -> _Words:
    even, _ = _philox(1, seeds, _LABEL_STREAM)
    words: _Words = even[0, 0]
    return words


def _philox(blocks: int, seeds: Uint32s, stream: int) -> tuple[_Words, _Words]:
    """The output words of counters (0..blocks-1, 0, 0, stream): w0 and w2, then w1 and w3, each of the two arrays
    uint64 [2, blocks, N] below 2^32. Both halves of a round are one operation: for a seed alone, calls are the cost."""
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


def _box_muller(even: _Words, odd: _Words) -> NDArray[np.float64]:
    """Normal deviates, float64 [4 * blocks, N]."""
    _, blocks, n = even.shape
    z = np.empty((blocks, 2, 2, n))
    radius = np.sqrt(-2.0 * np.log((even + np.uint64(1)) * 2.0**-32))
    angle = odd * (2.0 * math.pi * 2.0**-32)
    np.multiply(radius, np.cos(angle), out=z[:, :, 0].swapaxes(0, 1))
    np.multiply(radius, np.sin(angle), out=z[:, :, 1].swapaxes(0, 1))
    return z.reshape(4 * blocks, n)
