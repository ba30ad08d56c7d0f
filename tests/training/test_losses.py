"""Formulas against values worked out by hand, and against PyTorch's own where it has one."""

import math

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


def test_relativistic_compares_pairs() -> None:
    expected = (math.log1p(math.exp(0.5 - 2.0)) + math.log1p(math.exp(3.0 + 1.0))) / 2
    assert losses.relativistic(REAL, FAKE).item() == pytest.approx(expected, rel=1e-6)


def test_relativistic_only_sees_differences() -> None:
    torch.testing.assert_close(losses.relativistic(REAL + 7, FAKE + 7), losses.relativistic(REAL, FAKE))


def test_gradient_penalty_of_a_linear_judge_is_its_squared_weight() -> None:
    weight = torch.randn(3, 4, 4)
    images = torch.randn(5, 3, 4, 4, requires_grad=True)
    logits = (images * weight).sum((1, 2, 3))
    torch.testing.assert_close(losses.gradient_penalty(logits, images), weight.square().sum())


def test_gradient_penalty_can_be_minimised() -> None:
    scale = torch.tensor(2.0, requires_grad=True)
    images = torch.ones(1, 1, 1, 1, requires_grad=True)
    losses.gradient_penalty(scale * images.sum((1, 2, 3)), images).backward()
    assert scale.grad == 4  # d(scale^2)/d(scale)


def test_hinge_is_zero_beyond_the_margins() -> None:
    assert losses.hinge(torch.tensor([1.0, 5.0]), torch.tensor([-1.0, -9.0])) == 0
    assert losses.hinge(torch.tensor([0.0]), torch.tensor([0.5])) == 2.5
