"""The tutorial's networks have the tutorial's shapes and sizes, and those it got wrong are right."""

import pytest
import torch
from torch import nn

from training.networks.dcgan import Discriminator, Generator


@pytest.mark.parametrize("resolution", [32, 64, 128])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_generator_draws_the_resolution_it_was_asked_for(resolution: int, channels: int) -> None:
    generator = Generator(resolution, channels, z_dim=10, width=4)
    images = generator(torch.randn(2, 10), torch.zeros(2, dtype=torch.int64))
    assert images.shape == (2, channels, resolution, resolution)
    assert images.abs().max() <= 1


def test_discriminator_gives_one_logit_an_image() -> None:
    assert Discriminator(64, 3, width=4)(torch.rand(5, 3, 64, 64)).shape == (5,)


def test_generator_has_the_tutorials_parameters_at_64_pixels() -> None:
    # z 100, ngf 64: 100*512*16 + 512*256*16 + 256*128*16 + 128*64*16 + 64*3*16 weights, and two a channel of BatchNorm.
    expected = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3) + 2 * (512 + 256 + 128 + 64)
    assert sum(p.numel() for p in Generator(64, 3).parameters()) == expected


def test_weights_begin_as_the_paper_says() -> None:
    torch.manual_seed(0)
    generator = Generator(64, 3)
    for layer in generator.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert layer.weight.mean().item() == pytest.approx(0.0, abs=0.002)
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1.0, abs=0.02)
            assert torch.count_nonzero(layer.bias) == 0


@pytest.mark.parametrize("resolution", [0, 4, 48, 65])
def test_a_side_that_is_not_a_power_of_two_is_refused(resolution: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Generator(resolution, 3)
