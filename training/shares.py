"""A batch in shares: what several ranks compute beside each other, fewer compute one after another, to the same bits.

How many shares there are is training/ranks.py's to know. Here is what makes their order immaterial: each goes through a
network by itself, with gradients of its own, and these are added in the order of the shares wherever they come from.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from training import ranks

Rows = Tensor | list[Tensor]


class InShares:
    """A network through which a rank's rows go share by share. Made when the network lies where it is trained.

    Called like the network: rows [B, ...] in, as tensors or lists of tensors, and rows [B, ...] out. Whatever buffers
    the network writes (BatchNorm's statistics) are those of the first share, as with ranks they are the first rank's.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        # Leaves on the same memory: the same weights, and gradients apart from the network's and from each other.
        self._further_weights = [
            {name: weight.detach().requires_grad_() for name, weight in network.named_parameters()}
            for _ in range(_count() - 1)
        ]

    def __call__(self, *rows: Rows) -> Any:
        if not self._further_weights:
            return self._network(*rows)
        further = [self._as_it_stands(weights) for weights in self._further_weights]
        first, *others = zip(*map(_split, rows), strict=True)
        found = [self._network(*first)]
        found += [functional_call(self._network, state, share) for state, share in zip(further, others, strict=True)]
        return _joined(found)

    def average_gradients(self) -> None:
        """Replaces the gradient of every weight by its mean over all shares: one message for the whole network.

        By hand, for DistributedDataParallel forbids the double backward of gradient penalties. Gathered, and not
        reduced on the way, which would cost less but add more than two ranks in an order of its own.
        """
        if ranks.shares() == 1:
            return
        own = [weight.grad for weight in self._network.parameters() if weight.grad is not None]
        further = [[w.grad for w in weights.values() if w.grad is not None] for weights in self._further_weights]
        shares = torch.stack([torch.cat([gradient.flatten() for gradient in share]) for share in [own, *further]])
        # The loss is a mean over all shares of a rank, so their gradients are added; those of the ranks are averaged.
        means = (ranks.gathered(shares).sum(0) / ranks.size()).split([gradient.numel() for gradient in own])
        for gradient, mean in zip(own, means, strict=True):
            gradient.copy_(mean.view_as(gradient))
        for weights in self._further_weights:
            for weight in weights.values():
                weight.grad = None

    def _as_it_stands(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state for one more share: its leaves, frozen where the network is, and copies of the buffers."""
        for weight, original in zip(weights.values(), self._network.parameters(), strict=True):
            weight.requires_grad_(original.requires_grad)
        return weights | {name: buffer.clone() for name, buffer in self._network.named_buffers()}


def mean_loss(loss: Callable[..., Tensor], *rows: Tensor) -> Tensor:
    """The mean of `loss`, a scalar, over the shares of this rank's rows [B, ...].

    For formulas with exp or log: those round an element otherwise at the end of a tensor, where no vector fits.
    """
    return torch.stack([loss(*share) for share in zip(*map(_split, rows), strict=True)]).mean()


def _count() -> int:
    """Shares of this rank."""
    return ranks.shares() // ranks.size()


def _split(rows: Rows) -> list[Any]:
    if isinstance(rows, Tensor):
        return list(rows.split(len(rows) // _count()))
    return [list(share) for share in zip(*map(_split, rows), strict=True)]


def _joined(found: list[Any]) -> Any:
    if isinstance(found[0], Tensor):
        return torch.cat(found)
    return [torch.cat(parts) for parts in zip(*found, strict=True)]
