"""Distances between two sets of feature vectors, by torchmetrics on the features that it is given, in float64.

torchmetrics is imported where it is used: it brings all its metrics with it, which takes seconds.
"""

import numpy as np
import torch
from torch import Tensor, nn


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Kernel distance (Binkowski et al. 2018): unbiased squared MMD with the kernel (x.y / D + 1)^3.

    a [N, D], b [M, D]. Over all samples rather than averaged over random subsets, as KernelInceptionDistance has it:
    the same expectation, less variance, no chance, and N need not be M. About 0, and as often below as above, when both
    come from the same distribution. Raises ValueError for fewer than 2 rows or another D.
    """
    from torchmetrics.image.kid import poly_kernel

    x, y = _checked(a, b)
    of_x, of_y = (_mean_of_pairs(poly_kernel(points, points)) for points in (x, y))
    return float(of_x + of_y - 2 * poly_kernel(x, y).mean())


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance of the Gaussians fitted to a [N, D] and b [M, D] (Heusel et al. 2017). Never negative.

    Biased upwards by few samples: only compare figures made with the same N and M.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    x, y = _in_their_span(*_checked(a, b))
    metric = FrechetInceptionDistance(_Identity(x.shape[1]))
    metric.update(x, real=True)
    metric.update(y, real=False)
    return max(0.0, float(metric.compute()))


def _mean_of_pairs(kernel: Tensor) -> Tensor:
    """[N, N] -> the mean over pairs of two different points."""
    return (kernel.sum() - kernel.trace()) / (len(kernel) * (len(kernel) - 1))


class _Identity(nn.Module):
    """The network of a metric that is given features."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def _in_their_span(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The same points in as few coordinates as hold them: the time goes with the third power of their number."""
    if len(x) + len(y) >= x.shape[1]:
        return x, y
    basis, _ = torch.linalg.qr(torch.cat([x, y]).T)
    return x @ basis, y @ basis


def _checked(a: np.ndarray, b: np.ndarray) -> tuple[Tensor, Tensor]:
    for features in (a, b):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features must be [N >= 2, D], not {features.shape}")
        if not np.isfinite(features).all():
            raise ValueError("features hold a NaN or an infinity")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"features of different extractors: {a.shape[1]} and {b.shape[1]} numbers")
    return torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)
