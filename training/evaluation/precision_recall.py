"""Fidelity and diversity apart: precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al.
2020).

Own lines rather than the package `prdc`, which has not been kept since 2020 and needs scikit-learn for one distance
matrix.
"""

import numpy as np

NEIGHBOURS = 5


def precision_recall(real: np.ndarray, generated: np.ndarray, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """real [N, D], generated [M, D], features -> {"precision", "recall", "density", "coverage"}.

    precision, recall and coverage in [0, 1], density >= 0; two samples of one distribution give about 1 for density,
    and a little less for the others, depending on N and M: only compare figures made with the same. Takes N * M * 8
    bytes. Raises ValueError if there are not more rows than neighbours.
    """
    if min(len(real), len(generated)) <= neighbours:
        raise ValueError(
            f"more than {neighbours} real and generated images are needed, not {len(real)}, {len(generated)}"
        )
    real_radius = _radius(real, neighbours)
    generated_radius = _radius(generated, neighbours)
    between = distances(real, generated)
    inside_real = between < real_radius[:, None]
    return {
        "precision": float(inside_real.any(axis=0).mean()),
        "recall": float((between < generated_radius[None, :]).any(axis=1).mean()),
        "density": float(inside_real.sum(axis=0).mean() / neighbours),
        "coverage": float((between.min(axis=1) < real_radius).mean()),
    }


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[N, D], [M, D] -> Euclidean distances float64 [N, M]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None, :] - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squared, 0))


def _radius(features: np.ndarray, neighbours: int) -> np.ndarray:
    """[N]: the distance of each point to its k-th neighbour."""
    among = distances(features, features)
    np.fill_diagonal(among, np.inf)
    return np.partition(among, neighbours - 1, axis=1)[:, neighbours - 1]
