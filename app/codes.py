"""Codes: latents that came with a request, as POST /reconstruct gives them, in the place of seeds' own."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.mixing import Float32s, Json, Mix


@dataclass(frozen=True, slots=True, eq=False)
class WithCodes:
    """A mix some of whose `points` latents are codes. codes: place among them -> float32 [z_dim].

    In the recipe a code is told by its SHA-256 (of the numbers, float32, little-endian): what was uploaded does not
    travel with the image, and who has the code can still tell that it was this one.
    """

    mix: Mix
    codes: Mapping[int, Float32s]
    points: int

    @property
    def n(self) -> int:
        return self.mix.n

    @property
    def told(self) -> list[int]:
        told = self.mix.told
        named = range(self.points)[told] if isinstance(told, slice) else told
        return [place for place in named if place not in self.codes]

    @property
    def owners(self) -> Sequence[int]:
        return self.mix.owners

    @property
    def parameters(self) -> Mapping[str, Json]:
        codes = {
            str(place): hashlib.sha256(code.astype("<f4").tobytes()).hexdigest() for place, code in self.codes.items()
        }
        return {**self.mix.parameters, "codes": codes}

    def mixed(self, z: Float32s) -> Float32s:
        z = z.copy()
        for place, code in self.codes.items():
            z[place] = code
        return self.mix.mixed(z)
