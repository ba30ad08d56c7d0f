"""The course of a learning rate."""

import pytest
import torch

from training.config import TesseraConfig
from training.recipes.schedule import pace


@pytest.mark.parametrize(
    ("step", "progress", "share"),
    [(0, 0.0, 0.1), (4, 0.0, 0.5), (9, 0.0, 1.0), (99, 0.5, 1.0), (99, 0.75, 0.6), (99, 1.0, 0.2)],
)
def test_it_warms_up_stays_and_falls(step: int, progress: float, share: float) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    adam = torch.optim.Adam([{"params": [weight]}, {"params": []}], 7.0)
    pace(adam, TesseraConfig(32, 3, lr=2e-3, warm_up_steps=10, decay_from=0.5, final_lr=0.2), step, progress)
    assert [group["lr"] for group in adam.param_groups] == pytest.approx([2e-3 * share] * 2)
