"""A finding belongs to one set of weights."""

import torch
from torch import nn

from training.weights import weights_sha256


def test_the_hash_follows_every_number_and_name() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    before = weights_sha256(network)
    assert weights_sha256(network.train(False)) == before
    network[1].running_mean[1] += 0.5
    changed = weights_sha256(network)
    assert changed != before
    network[1].running_mean[1] -= 0.5
    assert weights_sha256(network) == before
    assert weights_sha256(nn.ModuleDict({"a": network[0], "b": network[1]})) != before
