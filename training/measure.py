"""How far a run's images are from the held-out ones, beside how far its training images are from them."""

from pathlib import Path

import numpy as np

from training.data.dataset import ImageSet
from training.drawing import draw
from training.evaluation.evaluate import against_floor
from training.facts import Metric
from training.fit import images_of
from training.snapshot import load_generator

LEAST = 16


def measure(run: Path, count: int = 1000) -> dict[str, Metric]:
    """Metrics by name, as the manifest holds them, on at most `count` images of each set.

    Raises ValueError when too few images were held out to say anything.
    """
    snapshot = load_generator(run)
    images = images_of(run)
    count = min(count, len(images.held_out), len(images.train))
    if count < LEAST:
        raise ValueError(f"{run}: only {count} images were held out; at least {LEAST} are needed to measure")
    found = against_floor(
        reference=_some(images, images.held_out, count),
        floor=_some(images, images.train, count),
        generated=draw(snapshot.generator, count, images.labels),
    )
    return {name: Metric(float(m["value"]), float(m["floor"]), str(m["extractor_sha256"])) for name, m in found.items()}


def _some(images: ImageSet, indices: np.ndarray, count: int) -> np.ndarray:
    chosen = np.random.Generator(np.random.PCG64(0)).choice(indices, count, replace=False)
    return np.asarray(images.images[np.sort(chosen)])
