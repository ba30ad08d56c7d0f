"""The course of a learning rate over a run: a short linear warm-up, a plateau, a cosine."""

import math
from typing import Protocol

import torch


class Paced(Protocol):
    """lr: of the plateau. warm_up_steps lead to it; from `decay_from` of the budget on it falls to `final_lr` of it."""

    @property
    def lr(self) -> float: ...
    @property
    def warm_up_steps(self) -> int: ...
    @property
    def decay_from(self) -> float: ...
    @property
    def final_lr(self) -> float: ...


def pace(optimizer: torch.optim.Optimizer, config: Paced, step: int, progress: float) -> None:
    """Sets the learning rate of a step. step counts from 0; progress in [0, 1]."""
    warm = min(1.0, (step + 1) / config.warm_up_steps)
    position = max(0.0, progress - config.decay_from) / (1 - config.decay_from)
    fallen = config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * position)) / 2
    for group in optimizer.param_groups:
        group["lr"] = config.lr * warm * fallen
