"""A run is well while its numbers are finite and its pictures differ; a resumption changes nothing in that."""

import math

import numpy as np
import pytest
import torch

from training.health import CHECKS, IMAGES_BETWEEN, Health, not_finite
from training.judge import Judge

LABELS = np.repeat([0, 1], 32)


def colours(spread: float) -> np.ndarray:
    """64 images of one colour each, grey give or take `spread`."""
    levels = 128 + spread * np.random.default_rng(0).uniform(-100, 100, (64, 1, 1, 3))
    return np.broadcast_to(levels, (64, 8, 8, 3)).round().astype(np.uint8)


@pytest.fixture
def health() -> Health:
    judge = Judge(lambda images: images.mean((1, 2)), colours(1.0))
    return Health(judge, colours(1.0), LABELS)


def test_diversity_is_a_share_of_the_real_images(health: Health) -> None:
    assert health.diversity(colours(1.0)) == pytest.approx(1)
    assert health.diversity(colours(0.5)) == pytest.approx(0.5, abs=0.02)
    assert health.diversity(colours(0.0)) == 0


def test_images_that_become_alike_are_a_collapse(health: Health) -> None:
    assert not health.complaint(0.8)
    assert "alike" in health.complaint(0.1)
    assert not health.complaint(0.5)


def test_a_generator_that_has_not_begun_is_no_collapse(health: Health) -> None:
    assert not health.complaint(0.02)
    assert not health.complaint(0.015)


def test_noise_more_diverse_than_images_is_no_standard(health: Health) -> None:
    assert not health.complaint(5.0)
    assert not health.complaint(0.6)


def test_a_long_run_is_checked_twenty_times_and_at_its_beginning(health: Health) -> None:
    checks = [step for step in range(1000) if health.due(step / 1000, step * 100)]
    assert checks[0] == 0
    assert len(checks) == CHECKS


def test_a_short_run_is_checked_seldom(health: Health) -> None:
    checks = [images for images in range(0, 4000, 32) if health.due(images / 4000, images)]
    assert len(checks) == 1 + 4000 // (IMAGES_BETWEEN + 32)


def test_what_was_seen_goes_on_after_a_resumption(health: Health) -> None:
    assert health.due(0.0, 0)
    assert not health.complaint(0.9)
    state = health.state()
    other = Health(Judge(lambda images: images.mean((1, 2)), colours(1.0)), colours(1.0), LABELS)
    other.load(state)
    assert not other.due(0.04, 100_000)
    assert other.due(0.05, 100_000)
    assert "before 0.90" in other.complaint(0.1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_named(value: float) -> None:
    assert "Loss/D" in not_finite({"Loss/G": 1.0, "Loss/D": value}, [])
    assert "weight" in not_finite({"Loss/G": 1.0}, [torch.ones(2), torch.tensor([1.0, value])])


def test_finite_numbers_are_well() -> None:
    assert not_finite({"Loss/G": -1e30}, [torch.zeros(3)]) == ""
