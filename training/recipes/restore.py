"""Loads networks and optimizers back as they were, memory layout included."""

from collections.abc import Mapping

import torch
from torch import nn

from training.checkpoint import State

Parts = Mapping[str, nn.Module | torch.optim.Optimizer]


def restore(parts: Parts, state: State) -> None:
    """Loads `state[name]` into every part."""
    for name, part in parts.items():
        part.load_state_dict(state[name])
        if isinstance(part, torch.optim.Optimizer):
            _lay_out_like_parameters(part)


def _lay_out_like_parameters(optimizer: torch.optim.Optimizer) -> None:
    """Checkpoints hold plain contiguous tensors; a fused step pairs moments with channels_last weights by address."""
    for parameter, moments in optimizer.state.items():
        for name, value in moments.items():
            if isinstance(value, torch.Tensor) and value.shape == parameter.shape:
                moments[name] = torch.empty_like(parameter).copy_(value)
