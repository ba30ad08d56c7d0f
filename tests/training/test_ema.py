import torch
from torch import nn

from training.ema import Ema


def test_after_one_half_life_half_of_the_way_is_gone() -> None:
    source = nn.Linear(1, 1)
    nn.init.zeros_(source.weight)
    average = Ema(source, half_life=64, ramp=1e9)
    nn.init.ones_(source.weight)
    average.update(batch=64, images_seen=64)
    torch.testing.assert_close(average.module.weight, torch.full((1, 1), 0.5))


def test_a_young_average_forgets_the_first_steps() -> None:
    source = nn.Linear(1, 1)
    nn.init.zeros_(source.weight)
    average = Ema(source, half_life=1e9, ramp=0.05)
    nn.init.ones_(source.weight)
    average.update(batch=32, images_seen=32)
    assert average.module.weight.item() > 0.99


def test_buffers_are_copied_and_the_source_is_untouched() -> None:
    source = nn.BatchNorm1d(2)
    average = Ema(source, half_life=1000)
    source(torch.randn(8, 2))
    average.update(8, 8)
    assert torch.equal(average.module.running_mean, source.running_mean)
    assert not average.module.training
    assert source.training
    assert all(p.requires_grad for p in source.parameters())
