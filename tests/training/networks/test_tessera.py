"""The default family: shapes, labels, and an upsampling that equals what it replaces."""

import copy

import pytest
import torch
from torch.nn import functional as F

from training.networks.tessera import Generator, UpsampleConv, baked


@pytest.mark.parametrize("resolution", [32, 64, 128])
@pytest.mark.parametrize(("channels", "classes"), [(1, 10), (3, 0), (4, 2)])
def test_shapes(resolution: int, channels: int, classes: int) -> None:
    z, labels = torch.randn(4, 64), torch.zeros(4, dtype=torch.int64)
    images = Generator(resolution, channels, classes).eval()(z, labels)
    assert images.shape == (4, channels, resolution, resolution)
    assert images.abs().max() <= 1


def test_a_generator_in_training_can_leave_white_again() -> None:
    generator = Generator(32, 3).train()
    with torch.no_grad():
        generator.stages[-1].picture.bias.fill_(5.0)
    z, labels = torch.randn(2, 64), torch.zeros(2, dtype=torch.int64)
    images = generator(z, labels)
    assert images.min() > 1
    images.sum().backward()
    assert generator.stages[-1].picture.bias.grad.abs().min() > 0
    assert torch.equal(generator.eval()(z, labels), torch.ones(2, 3, 32, 32))


@pytest.mark.parametrize("resolution", [16, 48, 256])
def test_other_sizes_are_refused(resolution: int) -> None:
    with pytest.raises(ValueError, match="32, 64 or 128"):
        Generator(resolution, 3)


def test_upsampling_equals_nearest_neighbour_and_a_convolution() -> None:
    torch.manual_seed(0)
    layer = UpsampleConv(5, 7).double()
    with torch.no_grad():
        layer.bias.normal_()
    x = torch.randn(2, 5, 6, 8, dtype=torch.float64)
    expected = F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), layer.weight, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_a_baked_generator_draws_the_same() -> None:
    torch.manual_seed(0)
    trained = Generator(32, 3, 2)
    published = baked(copy.deepcopy(trained))
    assert not any(isinstance(layer, UpsampleConv) for layer in published.modules())
    z, labels = torch.randn(3, 64), torch.tensor([0, 1, 1])
    torch.testing.assert_close(published(z, labels), trained(z, labels), atol=1e-6, rtol=0)


def test_the_label_changes_the_image() -> None:
    generator, z = Generator(32, 3, 2), torch.randn(1, 64)
    assert not torch.equal(generator(z, torch.tensor([0])), generator(z, torch.tensor([1])))


def test_without_classes_the_label_is_not_looked_at() -> None:
    generator, z = Generator(32, 3), torch.randn(1, 64)
    assert torch.equal(generator(z, torch.tensor([0])), generator(z, torch.tensor([7])))


def test_an_image_does_not_depend_on_its_neighbours() -> None:
    generator, z = Generator(32, 3).eval(), torch.randn(4, 64)
    labels = torch.zeros(4, dtype=torch.int64)
    torch.testing.assert_close(generator(z, labels)[2:3], generator(z[2:3], labels[:1]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("side", [8, 16, 32, 64])
def test_while_it_is_small_the_whole_picture_is_the_small_one_enlarged(side: int) -> None:
    torch.manual_seed(0)
    generator, z, labels = Generator(64, 3).eval(), torch.randn(2, 64), torch.zeros(2, dtype=torch.int64)
    with torch.no_grad():
        for stage in generator.stages[: {8: 1, 16: 2, 32: 3, 64: 4}[side]]:
            torch.nn.init.normal_(stage.picture.weight, std=0.01)
    whole = generator(z, labels)
    generator.side = side
    small = generator(z, labels)
    assert small.shape == (2, 3, side, side)
    while small.shape[2] < 64:
        small = F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(whole, small)


def test_what_is_not_drawn_yet_is_not_trained() -> None:
    generator = Generator(64, 3)
    generator.side = 32
    generator(torch.randn(2, 64), torch.zeros(2, dtype=torch.int64)).sum().backward()
    assert all(parameter.grad is None for parameter in generator.stages[3].parameters())
    assert all(parameter.grad is not None for parameter in generator.stages[2].parameters())
