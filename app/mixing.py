"""New latents from those of seeds: paths between them, points around one, children of several.

Everything is a function of the arguments alone, so that an image made here can be made again.
Spherical interpolation: Shoemake 1985; for latents White 2016 ("Sampling Generative Networks"): normal latents lie
near a sphere, and a straight line between two would leave it.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float32s = NDArray[np.float32]
Json = int | float | bool | str | Sequence[int] | Mapping[str, str]

_PARALLEL = 1e-6  # sine of the angle below which the formula would divide by nothing


class Mix(Protocol):
    """n images from the latents of K seeds. told: those of the K that name the answer, in its order.

    owners: of each image, the one of the K whose class it takes when the request names none.
    """

    @property
    def n(self) -> int: ...

    @property
    def told(self) -> slice | list[int]: ...

    @property
    def owners(self) -> Sequence[int]: ...

    @property
    def parameters(self) -> Mapping[str, Json]: ...

    def mixed(self, z: Float32s) -> Float32s:
        """float32 [K, z_dim] -> float32 [n, z_dim]."""
        ...


def slerp(a: Float32s, b: Float32s, t: float) -> Float32s:
    """Along the great circle from a (t = 0) to b (t = 1), both float32 [z_dim]; the ends are exactly a and b."""
    if t <= 0.0 or t >= 1.0:
        return a if t <= 0.0 else b
    p, q = a.astype(np.float64), b.astype(np.float64)
    lengths = float(np.linalg.norm(p) * np.linalg.norm(q))
    cosine = min(1.0, max(-1.0, float(p @ q) / lengths)) if lengths else 1.0
    angle = math.acos(cosine)
    if math.sin(angle) < _PARALLEL:
        mixed = (1 - t) * p + t * q
    else:
        mixed = (math.sin((1 - t) * angle) * p + math.sin(t * angle) * q) / math.sin(angle)
    return mixed.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Path:
    """n frames through K latents in equal steps; a loop leads back to the first and does not repeat it."""

    seeds: int
    n: int
    loop: bool

    @property
    def told(self) -> slice:
        return slice(None)

    @property
    def owners(self) -> Sequence[int]:
        return [0] * self.n

    @property
    def parameters(self) -> Mapping[str, Json]:
        return {"interpolate": True, "frames": self.n, "loop": self.loop}

    def mixed(self, z: Float32s) -> Float32s:
        legs, steps = (self.seeds, self.n) if self.loop else (self.seeds - 1, self.n - 1)
        frames = []
        for i in range(self.n):
            leg, rest = divmod(i * legs, max(1, steps))  # whole numbers: a frame at a seed is exactly that seed
            frames.append(slerp(z[leg], z[(leg + 1) % self.seeds], rest / max(1, steps)))
        return np.stack(frames)


@dataclass(frozen=True, slots=True)
class Around:
    """The first latent drawn towards each of the n others: strength 0 is the first itself, 1 the other.

    seed: of the first; None where it is a code.
    """

    seed: int | None
    n: int
    strength: float

    @property
    def told(self) -> slice:
        return slice(1, None)

    @property
    def owners(self) -> Sequence[int]:
        return [0] * self.n

    @property
    def parameters(self) -> Mapping[str, Json]:
        around = {} if self.seed is None else {"variation_of": self.seed}
        return {**around, "strength": self.strength}

    def mixed(self, z: Float32s) -> Float32s:
        return np.stack([slerp(z[0], towards, self.strength) for towards in z[1:]])


@dataclass(frozen=True, slots=True)
class Children:
    """Each between two liked latents, drawn towards the child's own, without what only the disliked have in common.

    The K latents are those of liked, disliked and children, in this order.
    """

    liked: Sequence[int]
    disliked: Sequence[int]
    children: Sequence[int]
    strength: float

    @property
    def n(self) -> int:
        return len(self.children)

    @property
    def told(self) -> slice:
        return slice(len(self.liked) + len(self.disliked), None)

    @property
    def owners(self) -> Sequence[int]:
        return [_parents(seed, len(self.liked))[0] for seed in self.children]

    @property
    def parameters(self) -> Mapping[str, Json]:
        return {"liked": list(self.liked), "disliked": list(self.disliked), "strength": self.strength}

    def mixed(self, z: Float32s) -> Float32s:
        own = z[self.told]
        liked, disliked = z[: len(self.liked)], z[len(self.liked) : self.told.start]
        made = []
        for child, seed in zip(own, self.children, strict=True):
            first, second, share = _parents(seed, len(self.liked))
            parent = slerp(liked[first], liked[second], share)
            made.append(_away(slerp(parent, child, self.strength), liked, disliked))
        return np.stack(made)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """n latents that came with the request, float32 [n, z_dim], instead of any seed's."""

    latents: Float32s

    @property
    def n(self) -> int:
        return len(self.latents)

    @property
    def told(self) -> slice:
        return slice(0, 0)

    @property
    def owners(self) -> Sequence[int]:
        return [0] * self.n

    @property
    def parameters(self) -> Mapping[str, Json]:
        return {}

    def mixed(self, z: Float32s) -> Float32s:
        return self.latents


def _parents(seed: int, liked: int) -> tuple[int, int, float]:
    """Two different parents where there are two, and the second's share of the child, drawn by the child's seed."""
    digest = hashlib.sha256(seed.to_bytes(4, "big")).digest()
    first = int.from_bytes(digest[:4], "big") % liked
    second = (first + 1 + int.from_bytes(digest[4:8], "big") % max(1, liked - 1)) % liked
    return first, second, int.from_bytes(digest[8:12], "big") / 2**32


def _away(z: Float32s, liked: Float32s, disliked: Float32s) -> Float32s:
    """z without what it has in the direction that the disliked share and the liked do not; as long as before."""
    if not len(disliked):
        return z
    good, bad = (group.mean(axis=0, dtype=np.float64) for group in (liked, disliked))
    unwanted = bad - good * (float(bad @ good) / max(float(good @ good), _PARALLEL))
    length = float(np.linalg.norm(unwanted))
    if length <= _PARALLEL:
        return z
    along = float(z.astype(np.float64) @ unwanted) / length
    left = z - along * unwanted / length
    rest = float(np.linalg.norm(left))
    if along <= 0.0 or rest <= _PARALLEL:
        return z
    made: Float32s = (left * (float(np.linalg.norm(z)) / rest)).astype(np.float32)
    return made
