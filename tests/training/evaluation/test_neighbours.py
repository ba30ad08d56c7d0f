import numpy as np
import pytest

from training.evaluation import neighbours as module
from training.evaluation.neighbours import leave_one_out, nearest, neighbours


@pytest.fixture
def train() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (40, 5))


def brute(point: np.ndarray, train: np.ndarray) -> list[tuple[float, int]]:
    return sorted((float(np.linalg.norm(point - other)), index) for index, other in enumerate(train))


@pytest.mark.parametrize("block", [1, 7, 256])
def test_the_nearest_are_the_nearest(train, monkeypatch, block):
    monkeypatch.setattr(module, "BLOCK", block)
    points = np.random.default_rng(1).normal(0, 1, (20, 5)).astype(np.float32)
    index, distance = nearest(points, train, 3)
    for row, point in enumerate(points):
        expected = brute(point, train)[:3]
        assert index[row].tolist() == [place for _, place in expected]
        assert distance[row] == pytest.approx([far for far, _ in expected], rel=1e-5)


def test_no_points_have_no_neighbours(train):
    index, distance = nearest(train[:0], train, 2)
    assert index.shape == distance.shape == (0, 2)


def test_the_scale_is_the_training_points_own(train):
    points = np.random.default_rng(1).normal(0, 1, (20, 5))
    found = neighbours(points, train)
    for row, point in enumerate(points):
        (first, at), (second, _) = brute(point, train)[:2]
        assert (found.index[row], found.first[row], found.second[row]) == pytest.approx((at, first, second))
        assert found.scale[row] == pytest.approx(brute(train[at], train)[1][0])
    np.testing.assert_allclose(found.nearer, found.first / found.scale)
    np.testing.assert_allclose(found.ratio, found.first / found.second)


def test_a_copy_has_no_distance(train):
    found = neighbours(train[:5], train)
    assert found.index.tolist() == [0, 1, 2, 3, 4]
    assert (found.nearer < 1e-5).all()
    assert (found.ratio < 1e-5).all()


def test_twins_in_the_training_set_do_not_divide_by_zero(train):
    found = neighbours(train[:5] + 0.1, np.concatenate([train, train]))
    assert np.isfinite(found.nearer).all()
    assert np.isfinite(found.ratio).all()


def test_leave_one_out_is_as_if_the_point_had_not_been_there(train):
    found = leave_one_out(train, 40)
    chosen = np.random.default_rng(0).permutation(40)
    for row, point in enumerate(chosen):
        expected = neighbours(train[point : point + 1], np.delete(train, point, axis=0))
        assert (found.first[row], found.second[row]) == pytest.approx((expected.first[0], expected.second[0]))
        assert found.scale[row] == pytest.approx(expected.scale[0])


def test_leave_one_out_of_twins_is_finite(train):
    found = leave_one_out(np.concatenate([train, train]), 80)
    assert found.first == pytest.approx(np.zeros(80), abs=1e-6)
    assert np.isfinite(found.nearer).all()


def test_leave_one_out_takes_no_more_than_asked(train):
    assert len(leave_one_out(train, 7).first) == 7
