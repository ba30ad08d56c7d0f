"""From a seed to a latent, one number after the other: the algorithm of models/README.md as it stands there.

The service computes the same with arrays; this is what it is compared with, and what the golden images are made from.
Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

import math
import struct

LATENT_STREAM, LABEL_STREAM = 0, 1
MAX_SEED = 2**32 - 1

_ROUNDS = 10
_MASK = 0xFFFFFFFF


def latent(seed: int, z_dim: int) -> list[float]:
    """`z_dim` standard normal numbers, each exactly a float32. Raises ValueError unless seed is in [0, 2^32)."""
    numbers: list[float] = []
    for block in range(math.ceil(z_dim / 4)):
        w0, w1, w2, w3 = philox(block, LATENT_STREAM, seed)
        numbers += [*_box_muller(w0, w1), *_box_muller(w2, w3)]
    return [_float32(number) for number in numbers[:z_dim]]


def label(seed: int, num_classes: int) -> int:
    """The class that an unlabelled request for `seed` gets, in [0, num_classes); 0 if there are no classes."""
    return philox(0, LABEL_STREAM, seed)[0] % num_classes if num_classes else 0


def philox(block: int, stream: int, seed: int) -> tuple[int, int, int, int]:
    """Four words in [0, 2^32): Philox4x32-10 with counter (block, 0, 0, stream) and key (seed, 0)."""
    if not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed}: must be from 0 to {MAX_SEED}")
    c0, c1, c2, c3 = block, 0, 0, stream
    k0, k1 = seed, 0
    for _ in range(_ROUNDS):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & _MASK, (p0 >> 32) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + 0x9E3779B9) & _MASK, (k1 + 0xBB67AE85) & _MASK
    return c0, c1, c2, c3


def _box_muller(a: int, b: int) -> tuple[float, float]:
    radius = math.sqrt(-2.0 * math.log((a + 1) / 2**32))
    angle = 2.0 * math.pi * (b / 2**32)
    return radius * math.cos(angle), radius * math.sin(angle)


def _float32(number: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return rounded
