"""How far generated images are from held-out ones, beside how far training images are from them."""

from collections.abc import Sequence

import numpy as np

from training.drawing import draw
from training.evaluation.evaluate import evaluate
from training.evaluation.features import Extractor
from training.evaluation.reconstruction import psnr, reconstructed
from training.facts import Metric
from training.subject import Subject

COUNT = 1000


def measure(subject: Subject, count: int = COUNT, extractors: Sequence[Extractor] | None = None) -> dict[str, Metric]:
    """Metrics by name, as the manifest holds them, on at most `count` images of each set; extractors None: both of the
    package. With `psnr`, of held-out images reconstructed, where the generator can encode. Raises ValueError when
    there are too few images to say anything."""
    generated = draw(subject.generator, count, subject.labels)
    found = evaluate(generated, subject.images, extractors=extractors, limit=count)
    metrics = {
        name: Metric(float(m["value"]), float(m["floor"]), str(m["extractor_sha256"])) for name, m in found.items()
    }
    if hasattr(subject.generator, "encode") and len(subject.images.held_out):
        metrics["psnr"] = Metric(_psnr(subject, count))
    return metrics


def _psnr(subject: Subject, count: int) -> float:
    chosen = subject.images.held_out[:count]
    shown = np.asarray(subject.images.images[chosen])
    return psnr(shown, reconstructed(subject.generator, shown, subject.images.labels[chosen]))
