"""Distances between two sets of feature vectors: pure numpy, float64."""

import numpy as np

BLOCK = 1024
"""Rows of the kernel matrix held at once: 10,000 by 10,000 would take 800 MB."""


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Kernel distance (Binkowski et al. 2018): unbiased squared MMD with the kernel (x.y / D + 1)^3.

    a [N, D], b [M, D]. Over all samples rather than averaged over subsets: the same expectation, less variance. About
    0, and as often below as above, when both come from the same distribution. Raises ValueError for fewer than 2 rows
    or another D.
    """
    a, b = _checked(a, b)
    n, m = len(a), len(b)
    same_a = (_kernel_sum(a, a) - _diagonal_sum(a)) / (n * (n - 1))
    same_b = (_kernel_sum(b, b) - _diagonal_sum(b)) / (m * (m - 1))
    return float(same_a + same_b - 2 * _kernel_sum(a, b) / (n * m))


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance of the Gaussians fitted to a [N, D] and b [M, D] (Heusel et al. 2017). Never negative.

    Biased upwards by few samples: only compare figures made with the same N and M. The trace of the square root of the
    product of the covariances is the nuclear norm of A B^T (centred, scaled), which needs no matrix square root and
    takes N < D.
    """
    a, b = _checked(a, b)
    mean_a, mean_b = a.mean(0), b.mean(0)
    root_a = (a - mean_a) / np.sqrt(len(a) - 1)
    root_b = (b - mean_b) / np.sqrt(len(b) - 1)
    traces = float((root_a**2).sum() + (root_b**2).sum())
    product = _triangle(root_a) @ _triangle(root_b).T
    cross = float(np.linalg.svd(product, compute_uv=False).sum())
    return max(0.0, float(((mean_a - mean_b) ** 2).sum()) + traces - 2 * cross)


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    for features in (a, b):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features must be [N >= 2, D], not {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError("features hold a NaN or an infinity")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features of different extractors: {a.shape[1]} and {b.shape[1]} numbers")
    return a.astype(np.float64), b.astype(np.float64)


def _kernel_sum(a: np.ndarray, b: np.ndarray) -> float:
    rows = (a[i : i + BLOCK] for i in range(0, len(a), BLOCK))
    return float(sum(((part @ b.T / a.shape[1] + 1) ** 3).sum() for part in rows))


def _diagonal_sum(a: np.ndarray) -> float:
    return float((((a**2).sum(1) / a.shape[1] + 1) ** 3).sum())


def _triangle(root: np.ndarray) -> np.ndarray:
    """The same Gram matrix in at most D rows."""
    return root if len(root) <= root.shape[1] else np.asarray(np.linalg.qr(root, mode="r"))
