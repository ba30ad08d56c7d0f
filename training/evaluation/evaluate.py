"""Every figure of merit of a set of generated images, each beside its floor: what real images score against other real
ones.

A figure alone says little, because it depends on the extractor, the data and the number of samples; the ratio to the
floor, or to another model's figure made in the same way, does.
"""

from collections.abc import Callable, Sequence

import numpy as np

from training.data.dataset import ImageSet
from training.evaluation.distances import frechet, kid
from training.evaluation.features import Extractor, extractor
from training.evaluation.precision_recall import NEIGHBOURS, precision_recall

EXTRACTORS = ("efficientnet-lite0", "open-nsfw")
ENOUGH_HELD_OUT = 100
"""With fewer images to compare with, a figure is mostly noise; then half of all images serve instead."""

Metrics = dict[str, dict[str, float | int | str]]
"""{"kid_open_nsfw": {"value", "floor", "extractor_sha256", "count"}, ...}: the form of the manifest's `metrics`."""


def evaluate(
    generated: np.ndarray, images: ImageSet, *, extractors: Sequence[Extractor] | None = None, limit: int = 1000
) -> Metrics:
    """generated uint8 [N, H, W, C], compared with the held-out images; the floor is as many training images.

    With fewer than 100 held-out images, with a half of all images that holds them, and the floor is the other half.
    At most `limit` images of each set. Raises ValueError for fewer than 2 generated images.
    """
    random = np.random.default_rng(0)
    held_out, train = random.permutation(images.held_out), random.permutation(images.train)
    if len(held_out) < ENOUGH_HELD_OUT:
        missing = (len(held_out) + len(train)) // 2 - len(held_out)
        held_out, train = np.concatenate([held_out, train[:missing]]), train[missing:]
    count = min(limit, len(generated), len(held_out), len(train))
    return against_floor(
        reference=images.images[np.sort(held_out[:count])],
        floor=images.images[np.sort(train[:count])],
        generated=generated[:count],
        extractors=extractors,
    )


def against_floor(
    reference: np.ndarray,
    floor: np.ndarray,
    generated: np.ndarray,
    *,
    extractors: Sequence[Extractor] | None = None,
) -> Metrics:
    """The same for sets already chosen, uint8 [N, H, W, C], all of one length: reference and floor are different real
    images. The open-nsfw network sees about 30 images a second and thread, EfficientNet-Lite0 about 230.

    Raises ValueError for lengths that differ or are below 2: the Frechet distance and the four figures of
    precision_recall() depend on the number of images.
    """
    sizes = {len(reference), len(floor), len(generated)}
    if len(sizes) > 1:
        raise ValueError(f"the three sets must have one length, not {sorted(sizes)}")
    if len(generated) < 2:
        raise ValueError("at least 4 real and 2 generated images are needed to compare them")
    metrics: Metrics = {}
    for network in extractors if extractors is not None else [extractor(name) for name in EXTRACTORS]:
        of_reference = network(reference)
        values = _figures(of_reference, network(generated))
        floors = _figures(of_reference, network(floor))
        for metric, value in values.items():
            metrics[f"{metric}_{network.name.replace('-', '_')}"] = {
                "value": value,
                "floor": floors[metric],
                "extractor_sha256": network.sha256,
                "count": len(generated),
            }
    return metrics


def _figures(reference: np.ndarray, found: np.ndarray) -> dict[str, float]:
    distances: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {"kid": kid, "frechet": frechet}
    figures = {name: distance(found, reference) for name, distance in distances.items()}
    return figures | (precision_recall(reference, found) if len(found) > NEIGHBOURS else {})
