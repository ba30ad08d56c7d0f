import warnings

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.kid import KernelInceptionDistance

from training.evaluation.distances import frechet, kid


def normal(count: int, seed: int, size: int = 6, mean: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, (count, size)).astype(np.float32)


def kid_by_the_book(a: np.ndarray, b: np.ndarray) -> float:
    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return (float(x @ y) / len(x) + 1) ** 3

    a, b = a.astype(float), b.astype(float)
    n, m = len(a), len(b)
    same_a = sum(kernel(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    same_b = sum(kernel(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return same_a + same_b - 2 * sum(kernel(x, y) for x in a for y in b) / (n * m)


def frechet_by_the_book(a: np.ndarray, b: np.ndarray) -> float:
    between = sqrtm(np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)).real
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return float(means + np.trace(np.cov(a, rowvar=False) + np.cov(b, rowvar=False) - 2 * between))


def test_kid_is_the_formula():
    a, b = normal(30, 0), normal(20, 1, mean=0.5)
    assert kid(a, b) == pytest.approx(kid_by_the_book(a, b), rel=1e-9)


def test_kid_is_torchmetrics_own_on_one_subset_of_all():
    a, b = normal(40, 0), normal(40, 1, mean=0.5)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Metric `Kernel Inception Distance` will save all extracted features")
        metric = KernelInceptionDistance(nn.Identity(), subsets=1, subset_size=40)
    metric.update(torch.from_numpy(a).double(), real=True)
    metric.update(torch.from_numpy(b).double(), real=False)
    assert kid(a, b) == pytest.approx(metric.compute()[0].item(), rel=1e-9)


def test_kid_of_one_distribution_scatters_about_zero():
    values = [kid(normal(60, 2 * seed), normal(60, 2 * seed + 1)) for seed in range(60)]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_kid_grows_with_the_shift_and_is_symmetric():
    a = normal(200, 0)
    values = [kid(a, normal(200, 1, mean=shift)) for shift in (0, 0.3, 0.6, 1.2)]
    assert values == sorted(values)
    assert kid(a, a[::-1] + 1) == pytest.approx(kid(a[::-1] + 1, a))


def test_frechet_is_the_formula():
    a, b = normal(300, 0), normal(200, 1, mean=0.5) * 2
    assert frechet(a, b) == pytest.approx(frechet_by_the_book(a.astype(float), b.astype(float)), rel=1e-6)


@pytest.mark.parametrize(("n", "m"), [(5, 7), (5, 200), (200, 5), (100, 101)])
def test_frechet_of_fewer_samples_than_numbers(n, m):
    a, b = normal(n, 0, size=50).astype(float), normal(m, 1, size=50).astype(float)
    covariances = np.cov(a, rowvar=False) @ np.cov(b, rowvar=False)
    root = np.sqrt(np.maximum(np.linalg.eigvals(covariances).real, 0)).sum()
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum() - 2 * root
    assert frechet(a, b) == pytest.approx(expected, rel=1e-4)


def test_frechet_of_a_set_with_itself_is_zero_and_of_a_shifted_one_the_shift():
    a = normal(100, 0)
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, a + 2) == pytest.approx(4 * a.shape[1], rel=1e-5)


@pytest.mark.parametrize("distance", [kid, frechet])
@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), "N >= 2"),
        (np.zeros((5, 4)), np.zeros((0, 4)), "N >= 2"),
        (np.zeros(5), np.zeros((5, 4)), "N >= 2"),
        (np.zeros((5, 4)), np.zeros((5, 3)), "different extractors"),
        (np.full((5, 4), np.nan), np.zeros((5, 4)), "NaN"),
        (np.zeros((5, 4)), np.full((5, 4), np.inf), "NaN"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(distance, a, b, message):
    with pytest.raises(ValueError, match=message):
        distance(a, b)
