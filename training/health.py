"""Whether a run is well: its numbers are finite, and its pictures differ from each other as they did before."""

import math
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from training.checkpoint import State
from training.judge import Judge

CHECKS = 20
IMAGES_BETWEEN = 1500
"""A check costs about as much as training on 50 images does: with so many between them, it stays below 3 %."""

COLLAPSED = 0.3
"""Diversity below this share of the best so far (or of the real images', if that is less) is a collapse."""


class Health:
    """Checks a run at most 20 times, evenly over its budget. reals, labels: 64 images and the classes of the fakes."""

    def __init__(self, judge: Judge, reals: np.ndarray, labels: np.ndarray) -> None:
        self._judge = judge
        self._labels = labels
        self._spread = max(judge.spread(reals, labels), 1e-12)
        self._best = 0.0
        self._next_progress = 0.0
        self._next_images = 0

    def due(self, progress: float, images_seen: int) -> bool:
        """True if a check has to be made now; counts it as made."""
        if progress < self._next_progress or images_seen < self._next_images:
            return False
        self._next_progress = (math.floor(progress * CHECKS + 1e-9) + 1) / CHECKS
        self._next_images = images_seen + IMAGES_BETWEEN
        return True

    def diversity(self, fakes: np.ndarray) -> float:
        """How much images uint8 [64, R, R, C] differ from each other, as a share of how much the real ones do."""
        return self._judge.spread(fakes, self._labels) / self._spread

    def complaint(self, diversity: float) -> str:
        """What is wrong with a generator whose pictures are so diverse; empty if nothing is."""
        usual = min(self._best, 1.0)
        if diversity < COLLAPSED * usual:
            return f"the images have become alike (diversity {diversity:.2f} of the real images', before {usual:.2f})"
        self._best = max(self._best, diversity)
        return ""

    def state(self) -> State:
        return {"best": self._best, "next_progress": self._next_progress, "next_images": self._next_images}

    def load(self, state: State) -> None:
        self._best = state["best"]
        self._next_progress = state["next_progress"]
        self._next_images = state["next_images"]


def not_finite(numbers: Mapping[str, float], weights: Iterable[Tensor]) -> str:
    """Names a number that is NaN or infinite, or says that a weight is; empty if all are finite."""
    for name, value in numbers.items():
        if not math.isfinite(value):
            return f"{name} is {value}"
    if not all(bool(torch.isfinite(weight).all()) for weight in weights):
        return "a weight of the generator is not a finite number"
    return ""
