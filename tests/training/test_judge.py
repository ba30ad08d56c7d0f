"""What the loop is told about pictures, with features that are their brightness."""

import numpy as np
import pytest

from training.judge import REFERENCE_IMAGES, Judge, reference_of


def flat(levels: list[int]) -> np.ndarray:
    return np.array(levels, np.uint8)[:, None, None, None].repeat(3, 3)


def judge() -> Judge:
    return Judge(lambda images: images.mean((1, 2, 3))[:, None].astype(np.float32), flat([10, 20, 30, 40]))


def test_pairs_of_one_class_count() -> None:
    images, labels = flat([0, 2, 100, 106]), np.array([0, 0, 1, 1])
    assert judge().spread(images, labels) == pytest.approx((2 + 6) / 2)


def test_where_no_class_comes_twice_every_pair_counts() -> None:
    assert judge().spread(flat([0, 10, 20]), np.arange(3)) == pytest.approx((10 + 20 + 10) / 3)


def test_images_like_the_reference_are_nearer_than_others() -> None:
    assert judge().distance(flat([12, 22, 28, 38])) < judge().distance(flat([200, 210, 220, 230]))


@pytest.mark.parametrize(
    ("held_out", "count", "expected"), [(3, 50, 50), (60, 500, 100), (120, 500, 120), (400, 999, 256)]
)
def test_held_out_images_come_first_and_training_images_only_where_they_are_few(
    held_out: int, count: int, expected: int
) -> None:
    numbered = np.arange(count, dtype=np.int64)[:, None, None, None]
    chosen = reference_of(numbered, np.arange(held_out), np.arange(held_out, count)).ravel()
    assert len(set(chosen)) == len(chosen) == expected
    assert (chosen < held_out).sum() == min(held_out, REFERENCE_IMAGES)
