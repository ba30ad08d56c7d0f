import torch

from training.data.augment import augment, cutout, translate


def test_strength_zero_changes_nothing() -> None:
    images = torch.rand(4, 3, 32, 32)
    assert augment(images, 0.0) is images


def test_shifts_are_whole_pixels_within_an_eighth() -> None:
    torch.manual_seed(0)
    image = torch.zeros(64, 1, 32, 32)
    image[:, :, 16, 16] = 1
    moved = translate(image, 1.0)
    places = moved.flatten(1).argmax(1)
    assert torch.equal(moved.sum((1, 2, 3)), torch.ones(64))
    assert (places // 32 - 16).abs().max() <= 4
    assert (places % 32 - 16).abs().max() <= 4
    assert len(places.unique()) > 10


def test_the_edge_is_repeated_into_the_gap() -> None:
    torch.manual_seed(0)
    constant = torch.full((16, 2, 16, 16), 0.7)
    assert torch.equal(translate(constant, 1.0), constant)


def test_a_cut_out_hides_at_most_a_quarter() -> None:
    torch.manual_seed(0)
    hidden = (cutout(torch.ones(64, 1, 32, 32), 1.0) == 0).float().mean((1, 2, 3))
    assert hidden.max() <= 0.25
    assert hidden.min() > 0


def test_strength_is_the_share_that_is_changed() -> None:
    torch.manual_seed(0)
    changed = (cutout(torch.ones(2000, 1, 8, 8), 0.3) == 0).flatten(1).any(1).float().mean()
    assert 0.2 < changed < 0.4


def test_gradients_reach_the_image_that_was_changed() -> None:
    images = torch.rand(2, 3, 16, 16, requires_grad=True)
    augment(images, 1.0).square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
