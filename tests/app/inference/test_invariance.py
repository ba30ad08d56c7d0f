"""The proof finds what depends on the batch size or the slot, down to the last bit."""

import torch

from app.inference.invariance import same_at_every_slot, same_in_every_bucket

Z = torch.randn(8, 4)
LABEL = torch.arange(8) % 3


def exact(z, label):
    return z * 2 + label[:, None]


def by_size(z, label):
    return exact(z, label) * (1 + 1e-7 * (len(z) == 4))


def by_slot(z, label):
    return exact(z, label) * (1 + 1e-7 * (torch.arange(len(z)) == 3))[:, None]


def by_neighbour(z, label):
    return z - z.mean(0)


def test_a_pure_function_passes():
    assert same_in_every_bucket(exact, (1, 2, 4, 8), Z, LABEL)
    assert same_at_every_slot(exact, 8, Z, LABEL)


def test_one_size_that_rounds_otherwise_is_found():
    assert not same_in_every_bucket(by_size, (1, 2, 4, 8), Z, LABEL)
    assert same_in_every_bucket(by_size, (1, 2, 8), Z, LABEL)
    assert same_at_every_slot(by_size, 8, Z, LABEL)


def test_one_slot_that_rounds_otherwise_is_found():
    assert not same_in_every_bucket(by_slot, (1, 2, 4, 8), Z, LABEL)
    assert not same_at_every_slot(by_slot, 8, Z, LABEL)


def test_images_that_depend_on_their_neighbours_are_found():
    assert not same_in_every_bucket(by_neighbour, (1, 2), Z, LABEL)


def test_a_bucket_of_one_has_one_slot():
    assert same_at_every_slot(by_slot, 1, Z, LABEL)
