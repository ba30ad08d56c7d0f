"""Mixtures of Gaussians with full covariances, fitted by expectation and maximisation (Bishop 2006, section 9.2)."""

from dataclasses import dataclass

import torch
from torch import Tensor

ITERATIONS = 30
SHRINKAGE = 0.2
"""How much of the common covariance each component keeps, in points a dimension: it then has full rank with any few."""
RIDGE = 1e-6


@dataclass(frozen=True)
class Gaussian:
    """mean [D], covariance [D, D] of full rank, float64."""

    mean: Tensor
    covariance: Tensor


@dataclass(frozen=True)
class Mixture:
    """weights [K], their sum 1; means [K, D]; covariances [K, D, D]; all float64."""

    weights: Tensor
    means: Tensor
    covariances: Tensor


def gaussian(points: Tensor) -> Gaussian:
    """Of points [N >= 1, D]. Directions in which they do not differ get a small variance all the same."""
    points = points.double()
    mean = points.mean(0)
    centred = points - mean
    covariance = centred.T @ centred / len(points)
    floor = RIDGE * covariance.diagonal().mean().clamp_min(RIDGE)
    return Gaussian(mean, covariance + floor * torch.eye(len(mean), dtype=torch.float64, device=points.device))


def mixture(points: Tensor, count: int, common: Gaussian, seed: int) -> Mixture:
    """`count` components for points [N >= 1, D]. A function of its arguments alone.

    Each covariance is drawn towards `common`, the more the fewer points it has: the mode of the posterior under an
    inverse Wishart prior.
    """
    points = points.double()
    shares = _nearest(points, _spread_out(points, count, seed))
    for _ in range(ITERATIONS):
        fitted = _maximise(points, shares, common)
        shares = _expect(points, fitted)
    return fitted


def _spread_out(points: Tensor, count: int, seed: int) -> Tensor:
    """Centres [count, D] as k-means++ chooses them (Arthur and Vassilvitskii 2007)."""
    random = torch.Generator().manual_seed(seed)
    chosen = points[torch.randint(len(points), (1,), generator=random)]
    while len(chosen) < count:
        distances = torch.cdist(points, chosen).amin(1).square().cpu() + RIDGE
        chosen = torch.cat([chosen, points[torch.multinomial(distances, 1, generator=random)]])
    return chosen


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(torch.cdist(points, centres).argmin(1), len(centres)).double()


def _maximise(points: Tensor, shares: Tensor, common: Gaussian) -> Mixture:
    """shares [N, K]: how much of each point belongs to each component."""
    counts = shares.sum(0) + RIDGE
    strength = SHRINKAGE * points.shape[1]
    means = (shares.T @ points + RIDGE * common.mean) / counts[:, None]
    covariances = []
    for count, mean, share in zip(counts, means, shares.T, strict=True):
        centred = points - mean
        scatter = (centred * share[:, None]).T @ centred
        covariances.append((scatter + strength * common.covariance) / (count + strength))
    return Mixture(counts / counts.sum(), means, torch.stack(covariances))


def _expect(points: Tensor, fitted: Mixture) -> Tensor:
    """The posterior of each component given each point, [N, K]."""
    logarithms = []
    for weight, mean, covariance in zip(fitted.weights, fitted.means, fitted.covariances, strict=True):
        root = torch.linalg.cholesky(covariance)
        standard = torch.linalg.solve_triangular(root, (points - mean).T, upper=False)
        logarithms.append(weight.log() - root.diagonal().log().sum() - standard.square().sum(0) / 2)
    return torch.stack(logarithms, 1).softmax(1)
