import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from training.evaluation.rank_tests import closest_share, stratified_mann_whitney


def one_group(a, b):
    return stratified_mann_whitney(a, b, np.zeros(len(a)), np.zeros(len(b)))


@pytest.mark.parametrize("rounded", [False, True])
def test_in_one_group_it_is_the_mann_whitney_test(rounded):
    random = np.random.default_rng(0)
    a, b = random.normal(-0.2, 1, 80), random.normal(0, 1, 60)
    if rounded:
        a, b = a.round(), b.round()
    expected = mannwhitneyu(a, b, alternative="less", method="asymptotic", use_continuity=False)
    effect, p = one_group(a, b)
    assert p == pytest.approx(expected.pvalue, rel=1e-9)
    assert effect == pytest.approx(1 - expected.statistic / (80 * 60))


def test_the_extremes():
    assert one_group(np.arange(10.0), np.arange(10.0) + 100)[0] == 1
    assert one_group(np.arange(10.0) + 100, np.arange(10.0))[0] == 0
    assert one_group(np.arange(10.0) + 100, np.arange(10.0))[1] > 0.999


def test_all_the_same_says_nothing():
    assert one_group(np.ones(20), np.ones(30)) == (0.5, 1.0)


def test_groups_without_a_partner_say_nothing():
    assert stratified_mann_whitney(np.zeros(5), np.ones(5), np.zeros(5), np.ones(5)) == (0.5, 1.0)


def test_preferring_a_group_of_small_numbers_is_no_effect():
    """Both draw alike in each group, but `a` draws mostly from the group of small numbers."""
    random = np.random.default_rng(0)
    groups_a, groups_b = (random.random(400) < 0.1).astype(int), (random.random(400) < 0.9).astype(int)
    a, b = random.normal(10 * groups_a, 1), random.normal(10 * groups_b, 1)
    assert one_group(a, b)[0] > 0.8
    effect, p = stratified_mann_whitney(a, b, groups_a, groups_b)
    assert abs(effect - 0.5) < 0.1
    assert p > 0.001


def test_its_p_is_even_when_nothing_is_there():
    random = np.random.default_rng(0)
    groups = np.arange(60) % 3
    found = [stratified_mann_whitney(random.random(60), random.random(60), groups, groups)[1] for _ in range(1000)]
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09


def column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_the_share_and_its_chance():
    assert closest_share(column(1, 2, 30, 40), column(10, 20)) == pytest.approx((0.5, 4 / 6 * 3 / 5))
    assert closest_share(column(30), column(10)) == (0.0, 1.0)
    share, p = closest_share(column(*range(20)), column(*range(100, 110)))
    assert share == 1
    assert p == pytest.approx(1 / math.comb(30, 10))


def test_a_tie_with_the_closest_is_not_closer():
    assert closest_share(column(10, 10), column(10)) == (0.0, 1.0)


def test_all_measures_must_agree():
    a = np.array([[1.0, 1], [1, 9], [9, 1], [9, 9]])
    assert closest_share(a, np.array([[5.0, 7], [7, 5]]))[0] == 0.25


def test_the_chance_is_exact():
    random = np.random.default_rng(0)
    drawn = [closest_share(random.random((20, 1)), random.random((5, 1)))[0] for _ in range(4000)]
    _, p = closest_share(column(*[0] * 6, *[9] * 14), np.ones((5, 1)))
    assert np.mean(np.array(drawn) >= 6 / 20) == pytest.approx(p, abs=0.03)
