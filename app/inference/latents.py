"""From seeds to generator inputs: one Philox stream a seed, whatever the batch, the slot or the device.

Philox4x32-10 (philox.py) with key (seed, 0) and counter (block, 0, 0, stream). Stream 0 gives latents: the words w0..w3
of block b become z[4b..4b+3] by Box-Muller in float64, u1 = (w0 + 1) / 2^32, u2 = w1 / 2^32, r = sqrt(-2 ln u1),
(r cos 2 pi u2, r sin 2 pi u2), the same with w2 and w3, cast to float32. Stream 1 gives the label of a request that
named none. The algorithm is part of the published format (models/README.md) and owes nothing to a library's generator,
so that no upgrade can change an image.
"""

import math

import numpy as np
from numpy.typing import NDArray

from app.inference.philox import Words, philox

Float32s = NDArray[np.float32]
Int64s = NDArray[np.int64]
Uint32s = NDArray[np.uint32]

_WORD_BITS = np.uint64(32)
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
        even, odd = philox(blocks, seeds[start : start + step], _LATENT_STREAM)
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
    fallen: Int64s = (_label_words(seeds) * np.uint64(parts) >> _WORD_BITS).astype(np.int64)
    return fallen


def truncate(z: Float32s, psi: float, mean: Float32s | None) -> Float32s:
    """Pull latents towards `mean` (None: the origin): mean + psi * (z - mean), float32, psi in [0, 1].

    psi = 1 returns z itself, bit for bit. Source: the truncation trick of Karras et al. 2019 (StyleGAN), there in W.
    """
    if psi == 1.0:
        return z
    scale = np.float32(psi)
    return z * scale if mean is None else mean + scale * (z - mean)


def _label_words(seeds: Uint32s) -> Words:
    even, _ = philox(1, seeds, _LABEL_STREAM)
    words: Words = even[0, 0]
    return words


def _box_muller(even: Words, odd: Words) -> NDArray[np.float64]:
    """Normal deviates, float64 [4 * blocks, N]."""
    _, blocks, n = even.shape
    z = np.empty((blocks, 2, 2, n))
    radius = np.sqrt(-2.0 * np.log((even + np.uint64(1)) * 2.0**-32))
    angle = odd * (2.0 * math.pi * 2.0**-32)
    np.multiply(radius, np.cos(angle), out=z[:, :, 0].swapaxes(0, 1))
    np.multiply(radius, np.sin(angle), out=z[:, :, 1].swapaxes(0, 1))
    return z.reshape(4 * blocks, n)
