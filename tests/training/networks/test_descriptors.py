"""Descriptors see what they should: each place its own part, and everything that can be trained on."""

import pytest
import torch
from torch.nn import functional as F

from training.networks.descriptors import describe


def maps(images: torch.Tensor) -> list[torch.Tensor]:
    """Of the shapes that FrozenFeatures gives, one channel each."""
    return [F.avg_pool2d(images[:, :1], 2**k) for k in (1, 2, 3, 4)]


@pytest.mark.parametrize("side", [16, 32, 64, 128])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_descriptor_has_places_images_and_numbers(side: int, channels: int) -> None:
    images = torch.randn(3, channels, side, side)
    found = describe(images, maps(images))
    assert all(descriptor.ndim == 3 and descriptor.shape[1] == 3 for descriptor in found)
    assert max(descriptor.shape[0] for descriptor in found) <= 64


def test_an_image_is_described_alone() -> None:
    images = torch.randn(4, 3, 32, 32)
    together, alone = describe(images, maps(images)), describe(images[2:3], maps(images[2:3]))
    for whole, part in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[:, 2:3], part)


def test_a_corner_changes_its_own_place_and_no_other() -> None:
    images = torch.zeros(1, 1, 32, 32)
    changed = images.clone()
    changed[:, :, :2, :2] = 1
    before, after = describe(images, maps(images)), describe(changed, maps(changed))
    cells, patches = 0, -1
    for which in (cells, patches):
        moved = (before[which] != after[which]).any(2).squeeze(1)
        assert moved.tolist() == [True] + [False] * (len(moved) - 1)


def test_gradients_reach_every_pixel_and_stay_finite_on_flat_images() -> None:
    images = torch.zeros(2, 3, 32, 32, requires_grad=True)
    sum(descriptor.sum() for descriptor in describe(images, maps(images))).backward()
    assert images.grad is not None
    assert torch.isfinite(images.grad).all()
    assert (images.grad[:, :1] != 0).all()
