"""The prior: a standard normal z becomes a code as the encoder makes them, and encode is the way back."""

import pytest
import torch
from torch import Tensor

from training.networks.prior import ANCHOR, BEYOND, CodePrior

DIM = 3


def codes_and_labels() -> tuple[Tensor, Tensor]:
    """Class 0: two clouds, far apart; class 1: one, between them; of class 2 there is nothing."""
    torch.manual_seed(0)
    mixing = torch.tensor([[1.0, 0.5, 0], [0, 0.7, 0], [0, 0, 0.2]])
    clouds = [torch.randn(400, DIM) @ mixing - 6, torch.randn(800, DIM) * 0.5 + 6, torch.randn(300, DIM)]
    return torch.cat(clouds), torch.tensor([0] * 1200 + [1] * 300)


@pytest.fixture(scope="module")
def prior() -> CodePrior:
    fitted = CodePrior(DIM, num_classes=3, components=5)
    fitted.fit(*codes_and_labels())
    return fitted


def drawn(prior: CodePrior, label: int, count: int = 20_000) -> Tensor:
    z = torch.randn(count, DIM + 1, generator=torch.Generator().manual_seed(1))
    return prior(z, torch.full((count,), label))


@pytest.mark.parametrize("label", [0, 1])
def test_what_is_drawn_for_a_class_is_like_the_codes_of_that_class(prior: CodePrior, label: int) -> None:
    codes, labels = codes_and_labels()
    own, found = codes[labels == label], drawn(prior, label)
    torch.testing.assert_close(found.mean(0), own.mean(0), atol=0.15, rtol=0)
    torch.testing.assert_close(found.T.cov(), own.T.cov(), atol=0.5, rtol=0.05)


def test_between_two_clouds_there_is_hardly_anything(prior: CodePrior) -> None:
    inside = (drawn(prior, 0)[:, 2].abs() < 3).float().mean()
    assert 0 < inside < 0.05  # the way from one to the other, which keeps the map continuous


def test_a_class_without_codes_is_like_all(prior: CodePrior) -> None:
    codes, _ = codes_and_labels()
    torch.testing.assert_close(drawn(prior, 2).mean(0), codes.mean(0), atol=0.2, rtol=0)
    torch.testing.assert_close(drawn(prior, 2).T.cov(), codes.T.cov(), atol=0.5, rtol=0.05)


def test_encode_is_the_inverse_whatever_the_label(prior: CodePrior) -> None:
    codes, _ = codes_and_labels()
    z = prior.encode(codes)
    assert z.shape == (len(codes), DIM + 1)
    for label in range(3):
        torch.testing.assert_close(prior(z, torch.full((len(z),), label)), codes, atol=1e-5, rtol=0)


def test_encodings_are_standardised_but_for_the_place_that_no_seed_has(prior: CodePrior) -> None:
    z = prior.encode(codes_and_labels()[0])
    assert (z[:, 0] == ANCHOR).all()
    assert ANCHOR > BEYOND > 5
    torch.testing.assert_close(z[:, 1:].mean(0), torch.zeros(DIM), atol=1e-4, rtol=0)
    torch.testing.assert_close(z[:, 1:].T.cov(), torch.eye(DIM), atol=0.01, rtol=0)


def test_between_encodings_latents_mix_as_codes_do(prior: CodePrior) -> None:
    codes, _ = codes_and_labels()
    a, b = codes[:100], codes[-100:]
    mixed = torch.lerp(prior.encode(a), prior.encode(b), 0.3)
    torch.testing.assert_close(prior(mixed, torch.zeros(100).long()), torch.lerp(a, b, 0.3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("label", [0, 1])
def test_it_is_continuous_from_one_component_to_the_next(prior: CodePrior, label: int) -> None:
    s = torch.linspace(-8, 8, 160_001)
    u = torch.tensor([[0.5, -1.0, 2.0]]).expand(len(s), -1)
    codes = prior(torch.cat([s[:, None], u], 1), torch.full((len(s),), label))
    steps = (codes[1:] - codes[:-1]).norm(dim=1)
    assert steps.max() < 0.3 < (codes[0] - codes[-1]).norm()


def test_an_unconditional_prior_does_not_look_at_the_label() -> None:
    fitted = CodePrior(DIM, num_classes=0, components=2)
    fitted.fit(*codes_and_labels())
    z = torch.randn(4, DIM + 1)
    assert torch.equal(fitted(z, torch.zeros(4).long()), fitted(z, torch.tensor([0, 7, 1, 3])))


def test_before_it_is_fitted_codes_are_standard_normal() -> None:
    z = torch.randn(4, DIM + 1)
    fresh = CodePrior(DIM, num_classes=0, components=3)
    assert torch.equal(fresh(z, torch.zeros(4).long()), z[:, 1:])
    torch.testing.assert_close(fresh.encode(z[:, 1:])[:, 1:], z[:, 1:])


def test_one_code_is_enough() -> None:
    fitted = CodePrior(DIM, num_classes=2, components=3)
    fitted.fit(torch.ones(1, DIM), torch.zeros(1).long())
    assert torch.isfinite(fitted(torch.randn(50, DIM + 1), torch.arange(50) % 2)).all()
