"""Fidelity and diversity apart: precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al.
2020), by the package `prdc` of the authors of the latter."""

import io
from contextlib import redirect_stdout

import numpy as np

NEIGHBOURS = 5


def precision_recall(real: np.ndarray, generated: np.ndarray, neighbours: int = NEIGHBOURS) -> dict[str, float]:
    """real [N, D], generated [M, D], features -> {"precision", "recall", "density", "coverage"}.

    precision, recall and coverage in [0, 1], density >= 0; two samples of one distribution give about 1 for density,
    and a little less for the others, depending on N and M: only compare figures made with the same. Takes N * M * 8
    bytes. Raises ValueError if there are not more rows than neighbours.
    """
    from prdc import compute_prdc  # here: it brings scikit-learn with it

    if min(len(real), len(generated)) <= neighbours:
        raise ValueError(
            f"more than {neighbours} real and generated images are needed, not {len(real)}, {len(generated)}"
        )
    with redirect_stdout(io.StringIO()):  # it prints how many it was given
        found = compute_prdc(real.astype(np.float64), generated.astype(np.float64), neighbours)
    return {name: float(value) for name, value in found.items()}
