"""The default family: shapes, labels, and an upsampling that equals what it replaces."""

import copy

import pytest
import torch
from torch.nn import functional as F

from training.networks.tessera import Discriminator, Generator, UpsampleConv, baked


@pytest.mark.parametrize("resolution", [32, 64, 128])
@pytest.mark.parametrize(("channels", "classes"), [(1, 10), (3, 0), (4, 2)])
def test_shapes(resolution: int, channels: int, classes: int) -> None:
    z, labels = torch.randn(4, 64), torch.zeros(4, dtype=torch.int64)
    images = Generator(resolution, channels, classes).eval()(z, labels)
    assert images.shape == (4, channels, resolution, resolution)
    assert images.abs().max() <= 1
    assert Discriminator(resolution, channels, classes)(images, labels).shape == (4,)


def test_a_generator_in_training_can_leave_white_again() -> None:
    generator = Generator(32, 3).train()
    with torch.no_grad():
        generator.synthesis[-1].bias.fill_(5.0)
    z, labels = torch.randn(2, 64), torch.zeros(2, dtype=torch.int64)
    images = generator(z, labels)
    assert images.min() > 1
    images.sum().backward()
    assert generator.synthesis[-1].bias.grad.abs().min() > 0
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


def test_discriminator_sees_that_a_batch_has_no_variety() -> None:
    torch.manual_seed(0)
    discriminator, labels = Discriminator(32, 3), torch.zeros(4, dtype=torch.int64)
    image = torch.rand(1, 3, 32, 32)
    alone = discriminator(torch.cat([image, torch.rand(3, 3, 32, 32)]), labels)[0]
    repeated = discriminator(image.expand(4, -1, -1, -1), labels)[0]
    assert not torch.isclose(alone, repeated)
