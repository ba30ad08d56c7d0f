"""The last codes are kept, the older ones make room."""

import torch

from training.networks.prior import CodePrior
from training.recipes.recent_codes import RecentCodes

CPU = torch.device("cpu")


def with_batches(*values: float) -> RecentCodes:
    recent = RecentCodes(6, 2, CPU)
    for value in values:
        recent.add(torch.full((4, 2), value), torch.full((4,), int(value) if value == value else 0))
    return recent


def test_the_newest_are_kept() -> None:
    state = with_batches(1, 2, 3).state()
    assert sorted(state["codes"][:, 0].tolist()) == [2, 2, 3, 3, 3, 3]
    assert sorted(state["labels"].tolist()) == [2, 2, 3, 3, 3, 3]
    assert state["added"] == 12


def test_a_loaded_state_goes_on_in_the_same_place() -> None:
    recent, again = with_batches(1, 2, 3), RecentCodes(6, 2, CPU)
    again.load(with_batches(1, 2).state())
    again.add(torch.full((4, 2), 3.0), torch.full((4,), 3))
    assert torch.equal(again.state()["codes"], recent.state()["codes"])
    assert torch.equal(again.state()["labels"], recent.state()["labels"])


def test_only_what_was_added_is_fitted_to() -> None:
    prior = CodePrior(2, num_classes=0, components=1)
    RecentCodes(6, 2, CPU).fit(prior)
    assert torch.equal(prior.means, torch.zeros_like(prior.means))
    with_batches(5).fit(prior)
    with_batches(float("nan")).fit(prior)
    torch.testing.assert_close(prior.means, torch.full_like(prior.means, 5.0))
