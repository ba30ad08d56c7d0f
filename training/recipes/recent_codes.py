"""The codes of the images seen last: what the prior of an autoencoder is fitted to, without another pass over the set.

The encoder moves on while they are collected; at the end of a run its learning rate has fallen and it hardly does.
"""

import torch
from torch import Tensor

from training.checkpoint import State
from training.networks.prior import CodePrior


class RecentCodes:
    """The last `size` codes [D] and their labels."""

    def __init__(self, size: int, dim: int, device: torch.device) -> None:
        self._codes = torch.zeros(size, dim, device=device)
        self._labels = torch.zeros(size, dtype=torch.int64, device=device)
        self._added = 0

    def add(self, codes: Tensor, labels: Tensor) -> None:
        """codes [B, D], labels int64 [B], B at most `size`."""
        places = (torch.arange(len(codes), device=codes.device) + self._added) % len(self._codes)
        self._codes[places] = codes.float()
        self._labels[places] = labels
        self._added += len(codes)

    def fit(self, prior: CodePrior) -> None:
        """Leaves the prior as it is until there are codes, and where training has diverged to NaN."""
        kept = min(self._added, len(self._codes))
        if kept and self._codes.isfinite().all():
            prior.fit(self._codes[:kept], self._labels[:kept])

    def state(self) -> State:
        return {"codes": self._codes, "labels": self._labels, "added": self._added}

    def load(self, state: State) -> None:
        self._codes.copy_(state["codes"])
        self._labels.copy_(state["labels"])
        self._added = state["added"]
