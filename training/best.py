"""Which moment of a run is published: the latest, unless an earlier one was clearly nearer to the held-out images.

Towards the end of a run its averaged weights are measured at every check. The distance is a noisy one, by few images:
a later moment wins unless it is a tenth worse than the nearest so far.
"""

import numpy as np

from training.checkpoint import State
from training.drawing import draw
from training.judge import REFERENCE_IMAGES, Judge
from training.networks.generator import ImageGenerator

MEASURED_FROM = 0.7
"""The share of the budget before which nothing is worth keeping: the learning rate is still high."""

FEWEST_IMAGES = 64
RUN_IMAGES_FOR_ONE = 150
"""For so many images of a whole run, one is drawn a time: measuring stays below about 3 % of the run."""

TOLERANCE = 0.1


class Best:
    """The kept moment, inside every checkpoint. labels int64 [N]: of the training images, in their shares."""

    def __init__(self, judge: Judge, labels: np.ndarray, seed: int) -> None:
        self._judge = judge
        self._labels = labels
        self._seed = seed
        self._kept: State = {}

    def offer(self, generator: ImageGenerator, progress: float, images_seen: int) -> str:
        """Measures the generator if it is late enough in the run, keeps it if it is best; says so, or is empty."""
        count = min(int(images_seen / max(progress, 1e-9)) // RUN_IMAGES_FOR_ONE, REFERENCE_IMAGES)
        if progress < MEASURED_FROM or count < FEWEST_IMAGES:
            return ""
        distance = self._judge.distance(draw(generator, count, self._labels, self._seed))
        lowest = min(distance, self._kept.get("lowest", distance))
        if kept := distance <= lowest + TOLERANCE * abs(lowest):
            weights = {name: value.clone() for name, value in generator.state_dict().items()}
            self._kept = {"images_seen": images_seen, "distance": distance, "published": weights}
        self._kept["lowest"] = lowest
        return f"KID {distance:.4f} of {count} images: {'kept' if kept else 'not kept, an earlier moment was better'}"

    def state(self) -> State:
        return self._kept

    def load(self, state: State) -> None:
        self._kept = state
