import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.split import hold_out


def hashes(count: int, first: int = 0) -> list[bytes]:
    return [hashlib.sha256(str(number).encode()).digest() for number in range(first, first + count)]


@given(st.integers(1, 200), st.floats(0, 0.5), st.integers(-5, 5), st.integers(1, 30))
def test_every_image_is_on_exactly_one_side(count, fraction, seed, kinds):
    groups = np.arange(count) % kinds
    train, held_out = hold_out(hashes(count), groups, fraction, seed)
    assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(count))
    assert train.dtype == held_out.dtype == np.int64
    assert list(train) == sorted(train)
    assert list(held_out) == sorted(held_out)
    assert not set(groups[train].tolist()) & set(groups[held_out].tolist())


@pytest.mark.parametrize(("count", "fraction", "expected"), [(100, 0.1, 10), (16, 0.1, 2), (3, 0.1, 1), (100, 0, 0)])
def test_the_share_is_exact_when_there_are_no_groups(count, fraction, expected):
    assert len(hold_out(hashes(count), np.arange(count), fraction, 0)[1]) == expected


def test_the_order_of_the_images_does_not_matter():
    pixels = hashes(50)
    order = np.random.default_rng(0).permutation(50)
    chosen = {pixels[i] for i in hold_out(pixels, np.arange(50), 0.2, 0)[1]}
    shuffled = [pixels[i] for i in order]
    assert {shuffled[i] for i in hold_out(shuffled, np.arange(50), 0.2, 0)[1]} == chosen


def test_the_seed_matters():
    drawn = {tuple(hold_out(hashes(50), np.arange(50), 0.2, seed)[1].tolist()) for seed in range(10)}
    assert len(drawn) == 10


def test_more_images_move_few_of_the_others():
    before = set(hold_out(hashes(1000), np.arange(1000), 0.1, 0)[1].tolist())
    after = set(hold_out(hashes(1100), np.arange(1100), 0.1, 0)[1].tolist())
    assert len(before - after) < 15


@pytest.mark.parametrize("fraction", [-0.1, 0.6, 1, float("nan")])
def test_other_fractions_are_refused(fraction):
    with pytest.raises(ValueError, match="held_out_fraction"):
        hold_out(hashes(10), np.arange(10), fraction, 0)
