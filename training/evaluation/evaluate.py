"""Every figure of merit of a set of generated images, each beside its floor: what real images score against other real
ones.

A figure alone says little, because it depends on the extractor, the data and the number of samples; the ratio to the
floor, or to another model's figure made here, does.
"""

from collections.abc import Sequence

import numpy as np

from training.evaluation.distances import frechet, kid
from training.evaluation.features import Extractor, extractor

EXTRACTORS = ("efficientnet-lite0", "open-nsfw")

Metrics = dict[str, dict[str, float | int | str]]
"""{"kid_open_nsfw": {"value", "floor", "extractor_sha256", "count"}, ...}: the form of the manifest's `metrics`."""


def compare(
    real: np.ndarray,
    generated: np.ndarray,
    *,
    extractors: Sequence[Extractor] | None = None,
    limit: int = 1000,
    seed: int = 0,
) -> Metrics:
    """real, generated: uint8 [N, H, W, C]. Half of the real images (at random) is the reference, the other half the
    floor.

    At most `limit` images of each of the three sets are used, and as many of each, because the Frechet distance
    depends on the number. The open-nsfw network does about 30 images/s a thread. Raises ValueError for fewer than 4
    real or 2 generated images.
    """
    count = min(len(real) // 2, len(generated), limit)
    order = np.random.default_rng(seed).permutation(len(real))
    return against_floor(
        reference=real[np.sort(order[:count])],
        floor=real[np.sort(order[count : 2 * count])],
        generated=generated[:count],
        extractors=extractors,
    )


def against_floor(
    reference: np.ndarray, floor: np.ndarray, generated: np.ndarray, *, extractors: Sequence[Extractor] | None = None
) -> Metrics:
    """The same for sets already chosen: reference and floor are disjoint real images, all three of one length."""
    if min(len(reference), len(floor), len(generated)) < 2:
        raise ValueError("at least 4 real and 2 generated images are needed to compare them")
    metrics: Metrics = {}
    for network in extractors if extractors is not None else [extractor(name) for name in EXTRACTORS]:
        of_reference, of_floor, of_generated = network(reference), network(floor), network(generated)
        for metric, distance in (("kid", kid), ("frechet", frechet)):
            metrics[f"{metric}_{network.name.replace('-', '_')}"] = {
                "value": distance(of_generated, of_reference),
                "floor": distance(of_floor, of_reference),
                "extractor_sha256": network.sha256,
                "count": len(generated),
            }
    return metrics
