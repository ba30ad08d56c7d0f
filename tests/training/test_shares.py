"""A process that has several shares of a batch computes each as a rank with that share alone would."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from training import ranks
from training.shares import InShares, mean_loss


class Network(nn.Module):
    """Uses a weight twice in a pass, and writes a buffer, as the real ones do."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor, more: list[Tensor]) -> list[Tensor]:
        x = self.norm(self.first(x))
        return [x.tanh(), x.mean((1, 2, 3)) * self.first.weight.mean() + sum(more)]


def loss(found: list[Tensor]) -> Tensor:
    return found[0].square().mean() + found[1].exp().mean()


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network().to(memory_format=torch.channels_last)


@pytest.fixture
def two_shares() -> Iterator[None]:
    with ranks.in_shares(2):
        yield


def batch(seed: int) -> tuple[Tensor, list[Tensor]]:
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(32, 3, 6, 6, generator=random).contiguous(memory_format=torch.channels_last)
    return images, [torch.randn(32, generator=random) for _ in range(2)]


def part(rows: tuple[Tensor, list[Tensor]], number: int) -> tuple[Tensor, list[Tensor]]:
    chosen = slice(16 * number, 16 * number + 16)
    return rows[0][chosen], [row[chosen] for row in rows[1]]


def gradients(network: nn.Module) -> list[Tensor]:
    found = [weight.grad.clone() for weight in network.parameters() if weight.grad is not None]
    assert found
    return found


def test_the_gradients_are_those_of_ranks_added_in_their_order(network: Network, two_shares: None) -> None:
    alone = [copy.deepcopy(network) for _ in range(2)]
    for number, rank in enumerate(alone):
        (loss(rank(*part(batch(1), number))) + loss(rank(*part(batch(2), number)))).backward()
    shared = InShares(network)
    (mean_of(shared(*batch(1))) + mean_of(shared(*batch(2)))).backward()
    shared.average_gradients()
    for found, first, second in zip(gradients(network), *map(gradients, alone), strict=True):
        assert torch.equal(found, (first + second) / 2)
        assert found.stride() == first.stride()


def mean_of(found: list[Tensor]) -> Tensor:
    return mean_loss(lambda *rows: loss(list(rows)), *found)


def test_gradients_are_averaged_anew_at_each_step(network: Network, two_shares: None) -> None:
    shared, found = InShares(network), []
    for _ in range(2):
        network.zero_grad()
        mean_of(shared(*batch(1))).backward()
        shared.average_gradients()
        found.append(gradients(network))
    assert all(map(torch.equal, *found))


def test_the_shares_come_back_as_one_batch_in_the_networks_layout(network: Network, two_shares: None) -> None:
    expected = [copy.deepcopy(network)(*part(batch(1), number)) for number in range(2)]
    found = InShares(network)(*batch(1))
    assert all(
        torch.equal(rows, torch.cat(parts)) for rows, parts in zip(found, zip(*expected, strict=True), strict=True)
    )
    assert found[0].is_contiguous(memory_format=torch.channels_last)


def test_buffers_are_those_of_the_first_share(network: Network, two_shares: None) -> None:
    first = copy.deepcopy(network)
    first(*part(batch(1), 0))
    InShares(network)(*batch(1))
    assert all(map(torch.equal, network.buffers(), first.buffers()))


def test_further_shares_follow_the_weights_and_what_is_frozen(network: Network, two_shares: None) -> None:
    shared = InShares(network)
    with torch.no_grad():
        network.first.weight.fill_(0)
        network.first.bias.fill_(0)  # type: ignore[union-attr]
    assert not shared(*batch(1))[0].any()
    network.requires_grad_(False)
    assert not any(rows.requires_grad for rows in shared(*batch(1)))


def test_in_one_share_it_is_the_network(network: Network) -> None:
    expected = copy.deepcopy(network)(*batch(1))
    shared = InShares(network)
    found = shared(*batch(1))
    assert all(map(torch.equal, found, expected))
    loss(found).backward()
    before = gradients(network)
    shared.average_gradients()
    assert all(map(torch.equal, before, gradients(network)))


@pytest.mark.parametrize(
    ("begun_with", "now", "shares"), [(1, 1, 1), (1, 2, 2), (2, 1, 2), (4, 2, 4), (2, 2, 2), (2, 4, 4)]
)
def test_a_run_keeps_its_shares_where_the_processes_divide_them(
    monkeypatch: pytest.MonkeyPatch, begun_with: int, now: int, shares: int
) -> None:
    monkeypatch.setattr(ranks, "size", lambda: now)
    with ranks.in_shares(begun_with):
        assert ranks.shares() == shares
    assert ranks.shares() == now
