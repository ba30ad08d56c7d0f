"""Two tests of whether one set of numbers tends to be smaller than another, by ranks alone."""

import numpy as np
from scipy.stats import norm, rankdata


def stratified_mann_whitney(
    a: np.ndarray, b: np.ndarray, groups_a: np.ndarray, groups_b: np.ndarray
) -> tuple[float, float]:
    """(effect, p). effect: the chance that a value of `a` is below one of `b` of the same group, ties counting half.
    p: one-sided, that this is more than a half by chance (van Elteren 1960; normal approximation, corrected for ties).

    (0.5, 1) if no group holds values of both, or all values are the same.
    """
    statistic = variance = below = weight = 0.0
    for group in np.unique(groups_a):
        x, y = a[groups_a == group], b[groups_b == group]
        n, m = len(x), len(y)
        if m == 0:
            continue
        ranks = rankdata(np.concatenate([x, y]))
        pairs_below = float(n * m + n * (n + 1) / 2 - ranks[:n].sum())
        _, ties = np.unique(ranks, return_counts=True)
        spread = n + m + 1 - float((ties**3 - ties).sum()) / ((n + m) * (n + m - 1))
        statistic += (pairs_below - n * m / 2) / (n + m + 1)
        variance += n * m * spread / 12 / (n + m + 1) ** 2
        below += pairs_below / m
        weight += n
    if variance <= 1e-12:
        return 0.5, 1.0
    return below / weight, float(norm.sf(statistic / np.sqrt(variance)))


def closest_share(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """a [N, K], b [M, K], several measures of each thing. (share, p): share of `a` that are in every measure below all
    of `b`; p: chance that so many are, exact for K = 1 and otherwise at most this (precedence test, Nelson 1963)."""
    n, m = len(a), len(b)
    count = int((a < b.min(axis=0)).all(axis=1).sum())
    before = np.arange(count)
    return count / n, float(np.exp(np.log((n - before) / (n + m - before)).sum()))
