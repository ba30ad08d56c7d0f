"""Which classes a prompt takes and in what shares, and which of them each seed draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.inference.latents import shares_of


@dataclass(frozen=True, slots=True)
class Mixture:
    """classes: indices, the largest share first; percents: theirs, whole numbers that make 100."""

    classes: tuple[int, ...]
    percents: tuple[int, ...]

    def drawn_by(self, seeds: NDArray[np.uint32]) -> NDArray[np.int64]:
        """The class of each seed, int64 [n]: a function of the seed and this mixture alone."""
        chosen = np.searchsorted(np.cumsum(self.percents), shares_of(seeds, 100), side="right")
        drawn: NDArray[np.int64] = np.array(self.classes, np.int64)[chosen]
        return drawn

    def named(self, names: Sequence[str]) -> dict[str, float]:
        """Class name -> share, of 1."""
        return {names[index]: percent / 100 for index, percent in zip(self.classes, self.percents, strict=True)}


def mixture(weights: Mapping[int, float]) -> Mixture:
    """weights: class -> positive weight. Shares below a percent go to the largest."""
    total = sum(weights.values())
    percents = {index: int(100 * weight / total) for index, weight in weights.items()}
    largest = max(percents, key=lambda index: (weights[index], -index))
    percents[largest] += 100 - sum(percents.values())
    order = sorted((index for index in percents if percents[index]), key=lambda index: (-percents[index], index))
    return Mixture(tuple(order), tuple(percents[index] for index in order))
