"""What the loop can ask about pictures while it trains: how far from real ones, and how different from each other.

It sees through EfficientNet-Lite0, which is quick. The independent judge of training/evaluation never chooses anything.
"""

from collections.abc import Callable

import numpy as np

from training.evaluation.distances import kid

Features = Callable[[np.ndarray], np.ndarray]
"""images uint8 [N, R, R, C] -> float32 [N, D]."""

REFERENCE_IMAGES = 256
ENOUGH_HELD_OUT = 100


class Judge:
    """reference: features float32 [M, D] of the real images to compare with."""

    def __init__(self, features: Features, reference: np.ndarray) -> None:
        self._features = features
        self._reference = features(reference)

    def distance(self, images: np.ndarray) -> float:
        """KID of images uint8 [N, R, R, C] to the reference."""
        return kid(self._features(images), self._reference)

    def spread(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Mean distance between the features of two images of one class, or of any two where no class comes twice."""
        features = self._features(images).astype(np.float64)
        squares = (features**2).sum(1)
        distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * features @ features.T, 0.0))
        pairs = np.triu(np.ones_like(distances, bool), 1)
        alike = pairs & (labels[:, None] == labels)
        return float(distances[alike if alike.any() else pairs].mean())


def reference_of(images: np.ndarray, held_out: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Up to 256 held-out images uint8 [M, R, R, C]; where fewer than 100 were held out, training images beside them.

    images uint8 [N, R, R, C]; held_out, train: indices into them.
    """
    random = np.random.default_rng(0)
    chosen = random.permutation(held_out)[:REFERENCE_IMAGES]
    missing = max(ENOUGH_HELD_OUT - len(chosen), 0)
    chosen = np.concatenate([chosen, random.permutation(train)[:missing]])
    return np.asarray(images[np.sort(chosen)])
