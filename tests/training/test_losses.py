"""Formulas against values worked out by hand, and against PyTorch's own where it has one."""

import pytest
import torch
from torch.nn import functional as F

from training import losses

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 3.0])


def test_discriminator_bce_is_binary_cross_entropy_on_logits() -> None:
    expected = F.binary_cross_entropy_with_logits(REAL, torch.ones(2)) + F.binary_cross_entropy_with_logits(
        FAKE, torch.zeros(2)
    )
    torch.testing.assert_close(losses.discriminator_bce(REAL, FAKE), expected)


def test_generator_bce_is_the_non_saturating_form() -> None:
    torch.testing.assert_close(losses.generator_bce(FAKE), F.binary_cross_entropy_with_logits(FAKE, torch.ones(2)))


def test_bce_stays_finite_where_a_sigmoid_would_not() -> None:
    assert losses.discriminator_bce(torch.tensor([-200.0]), torch.tensor([200.0])) == 400


def points(*values: float) -> torch.Tensor:
    """One place, one number an image."""
    return torch.tensor(values)[None, :, None]


def drift(x: torch.Tensor, real: torch.Tensor, fake: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    same = [torch.ones(x.shape[1], others.shape[1], dtype=torch.bool) for others in (real, fake)]
    return losses.drift_field(x, real, fake, *same, (0.2,))


def test_the_field_leads_to_real_images_and_off_generated_ones() -> None:
    field, length = drift(points(0.0), points(1.0), points(-1.0))
    assert field.item() == pytest.approx(1)
    assert length.item() == pytest.approx(1)
    field, _ = drift(points(0.0), points(-1.0), points(0.5))
    assert field.item() == pytest.approx(-1)


def test_the_nearer_real_image_draws_more() -> None:
    field, _ = drift(points(0.0), points(-0.5, 1.0), points(0.0))
    assert field.item() == pytest.approx(-1)


def test_the_field_vanishes_where_generated_images_lie_like_real_ones() -> None:
    torch.manual_seed(0)
    x, others = torch.randn(3, 4, 5), torch.randn(3, 6, 5)
    _, length = drift(x, others, others)
    assert length.item() == pytest.approx(0, abs=1e-6)


def test_images_of_another_class_are_not_there() -> None:
    torch.manual_seed(0)
    x, real, fake = torch.randn(2, 3, 4), torch.randn(2, 6, 4), torch.randn(2, 5, 4)
    same_real, same_fake = torch.rand(3, 6) < 0.5, torch.rand(3, 5) < 0.5
    same_real[:, 0], same_real[:, 1], same_fake[:, 0] = True, False, True
    expected, _ = losses.drift_field(x, real, fake, same_real, same_fake, (0.05, 0.2))
    real[:, 1] += 100
    found, _ = losses.drift_field(x, real, fake, same_real, same_fake, (0.05, 0.2))
    torch.testing.assert_close(found, expected)


def test_an_image_without_any_of_its_class_stays_where_it_is() -> None:
    none = torch.zeros(1, 1, dtype=torch.bool)
    field, length = losses.drift_field(points(0.0), points(1.0), points(-1.0), none, none, (0.2,))
    assert field.item() == 0
    assert length.item() == 0


def test_hinge_is_zero_beyond_the_margins() -> None:
    assert losses.hinge(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -9.0])) == 0
    assert losses.hinge(torch.tensor([0.0]), torch.tensor([0.5])) == 2.5
