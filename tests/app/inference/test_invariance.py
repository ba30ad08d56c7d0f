"""The proof finds what depends on the batch size or the slot, down to the last bit."""

import pytest
import torch

from app.inference.invariance import agreeing

Z = torch.randn(8, 4)
LABEL = torch.arange(8) % 3
BUCKETS = (1, 2, 4, 8)


def exact(z, label):
    return z * 2 + label[:, None]


def by_size(*sizes):
    """Another last bit in batches of these sizes."""
    return lambda z, label: exact(z, label) * (1 + 1e-7 * (len(z) in sizes))


def by_slot(slot):
    """Another last bit at this slot."""
    return lambda z, label: exact(z, label) * (1 + 1e-7 * (torch.arange(len(z)) == slot))[:, None]


def by_neighbour(z, label):
    return z - z.mean(0)


def test_a_pure_function_agrees_in_every_size():
    assert agreeing(exact, BUCKETS, Z, LABEL) == BUCKETS


@pytest.mark.parametrize(
    ("sizes", "agree"), [((1,), (2, 4, 8)), ((1, 2), (4, 8)), ((2,), (4, 8)), ((4,), (8,)), ((8,), (8,))]
)
def test_the_largest_sizes_agree_down_to_the_first_that_rounds_otherwise(sizes, agree):
    assert agreeing(by_size(*sizes), BUCKETS, Z, LABEL) == agree


@pytest.mark.parametrize("slot", range(8))
def test_one_slot_that_rounds_otherwise_is_found(slot):
    assert agreeing(by_slot(slot), BUCKETS, Z, LABEL) == ()


def test_a_slot_of_a_smaller_size_is_found():
    def third_of_four(z, label):
        return by_slot(2)(z, label) if len(z) == 4 else exact(z, label)

    assert agreeing(third_of_four, BUCKETS, Z, LABEL) == (8,)


def test_images_that_depend_on_their_neighbours_are_found():
    assert agreeing(by_neighbour, (1, 2), Z[:2], LABEL[:2]) == (2,)
    assert agreeing(by_neighbour, BUCKETS, Z, LABEL) in ((), (8,))


def test_a_bucket_of_one_has_one_slot():
    assert agreeing(by_slot(0), (1,), Z[:1], LABEL[:1]) == (1,)
