"""Mixtures: what is put in is found again, and few points are enough for full ranks."""

import torch

from training.mixture import gaussian, mixture


def two_clouds() -> torch.Tensor:
    """600 points about (0, 0), stretched along x, and 200 about (8, 8), round and small."""
    torch.manual_seed(0)
    return torch.cat([torch.randn(600, 2) * torch.tensor([2.0, 0.5]), torch.randn(200, 2) * 0.3 + 8])


def test_two_clouds_are_found() -> None:
    points = two_clouds()
    found = mixture(points, 2, gaussian(points), seed=0)
    order = found.means[:, 0].argsort()
    torch.testing.assert_close(found.weights[order], torch.tensor([0.75, 0.25]).double(), atol=0.01, rtol=0)
    torch.testing.assert_close(found.means[order], torch.tensor([[0.0, 0], [8, 8]]).double(), atol=0.2, rtol=0)
    spread = found.covariances[order].diagonal(dim1=1, dim2=2).sqrt()
    torch.testing.assert_close(spread, torch.tensor([[2.0, 0.5], [0.3, 0.3]]).double(), atol=0.2, rtol=0)


def test_one_component_is_the_common_gaussian() -> None:
    points = two_clouds()
    common = gaussian(points)
    found = mixture(points, 1, common, seed=0)
    torch.testing.assert_close(found.means[0], common.mean, atol=0, rtol=1e-4)
    torch.testing.assert_close(found.covariances[0], common.covariance, atol=0, rtol=1e-4)


def test_fewer_points_than_dimensions_still_have_full_rank() -> None:
    torch.manual_seed(0)
    points = torch.randn(5, 12)
    for count in (1, 3):
        found = mixture(points, count, gaussian(points), seed=0)
        torch.linalg.cholesky(found.covariances)  # raises where one is singular
        assert found.weights.sum().item() == torch.tensor(1.0).double()


def test_one_point_and_equal_points_have_a_little_room() -> None:
    for points in (torch.ones(1, 3), torch.ones(50, 3)):
        found = mixture(points, 2, gaussian(points), seed=0)
        torch.testing.assert_close(found.means, torch.ones(2, 3).double(), atol=1e-5, rtol=0)
        assert (torch.linalg.eigvalsh(found.covariances) > 0).all()


def test_the_same_points_give_the_same_mixture_to_the_bit() -> None:
    points = two_clouds()
    torch.manual_seed(1)
    first = mixture(points, 4, gaussian(points), seed=3)
    torch.manual_seed(2)
    again = mixture(points, 4, gaussian(points), seed=3)
    assert torch.equal(first.means, again.means)
    assert torch.equal(first.covariances, again.covariances)
