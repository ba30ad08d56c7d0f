"""Drift moves points like the formula says, within classes, and goes on from its state."""

import torch

from training.drift import NEGATIVES, Drift


def moved(drift: Drift, points: torch.Tensor, labels: torch.Tensor, steps: int) -> torch.Tensor:
    """points [B, D] after so many steps of gradient descent on themselves."""
    x = points.clone().requires_grad_()
    for _ in range(steps):
        loss, _ = drift.loss([x[None]], labels)
        (gradient,) = torch.autograd.grad(loss, x)
        x = (x - 0.3 * len(x) * gradient).detach().requires_grad_()
    return x.detach()


def test_points_move_to_where_the_real_ones_of_their_class_are() -> None:
    torch.manual_seed(0)
    labels = torch.arange(64) % 2
    real = torch.randn(64, 2) * 0.3 + torch.where(labels == 0, -3.0, 3.0)[:, None]
    drift = Drift([real[None]], labels)
    found = moved(drift, torch.randn(32, 2), labels[:32], 200)
    for label in (0, 1):
        torch.testing.assert_close(found[labels[:32] == label].mean(0), real[labels == label].mean(0), atol=0.6, rtol=0)


def test_points_spread_like_the_real_ones_instead_of_meeting_in_the_middle() -> None:
    torch.manual_seed(0)
    real, labels = torch.randn(256, 2), torch.zeros(256, dtype=torch.int64)
    found = moved(Drift([real[None]], labels), torch.randn(64, 2) * 0.01, labels[:64], 100)
    assert 0.5 < found.std() < 1.5


def test_the_length_falls_as_points_find_their_place() -> None:
    torch.manual_seed(0)
    real, labels = torch.randn(256, 2), torch.zeros(256, dtype=torch.int64)
    drift = Drift([real[None]], labels)
    _, far = drift.loss([torch.randn(1, 64, 2) + 5], labels[:64])
    _, near = Drift([real[None]], labels).loss([torch.randn(1, 64, 2)], labels[:64])
    assert near < 0.7 < 0.9 < far


def test_it_remembers_so_many_generated_images_and_goes_on_from_its_state() -> None:
    torch.manual_seed(0)
    real, labels = torch.randn(1, 20, 3), torch.zeros(20, dtype=torch.int64)
    drift = Drift([real], labels)
    for _ in range(10):
        drift.loss([torch.randn(1, 20, 3)], labels)
    state = drift.state()
    assert len(state["labels"]) == NEGATIVES
    again = Drift([real], labels)
    again.load(state)
    batch = torch.randn(1, 20, 3)
    losses = []
    for one in (drift, again):
        torch.manual_seed(1)
        losses.append(one.loss([batch], labels)[0])
    assert torch.equal(*losses)


def test_a_class_without_real_images_is_still_finite() -> None:
    drift = Drift([torch.randn(1, 20, 3)], torch.zeros(20, dtype=torch.int64))
    x = torch.randn(1, 4, 3, requires_grad=True)
    loss, length = drift.loss([x], torch.ones(4, dtype=torch.int64))
    loss.backward()
    assert torch.isfinite(length)
    assert torch.isfinite(x.grad).all()
