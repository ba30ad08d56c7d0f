"""Drifting (Deng et al. 2026, arXiv:2602.04770): generated images are drawn to real ones and pushed off each other.

No second network plays against the generator, so nothing can collapse or run away: in the space of each descriptor
(networks/descriptors.py) a field says where each generated image should move, and the generator follows. Where the
generated images lie like the real ones, pull and push cancel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from training import ranks
from training.checkpoint import State
from training.losses import drift_field

POSITIVES = 256
"""Real images that a batch is compared with, drawn anew each step."""
NEGATIVES = 128
"""Generated images that it is compared with: the batch itself and those before it."""
TEMPERATURES = (0.05, 0.2)
"""Reach of pull and push, in mean distances between real images."""
SCALE_IMAGES = 128


class Drift:
    """real: descriptors [places, N, D] of N real images; labels int64 [N]: images are compared within their class."""

    def __init__(self, real: Sequence[Tensor], labels: Tensor) -> None:
        self._real = real
        self._labels = labels
        self._scales = [_typical_distance(descriptor) for descriptor in real]
        self._fakes: list[Tensor] = [descriptor[:, :0] for descriptor in real]
        self._fake_labels = labels[:0]

    def loss(self, fakes: Sequence[Tensor], labels: Tensor) -> tuple[Tensor, Tensor]:
        """fakes: descriptors [places, B, D] with gradients, labels int64 [B]; of several ranks each has its share.

        Returns the loss, of whose value only the gradient means anything, and the mean length of the field over that of
        its two halves: 0 where generated images lie like real ones, 1 where pull and push have nothing in common.
        """
        batch = [ranks.gathered(fake, 1) for fake in fakes]
        labels = ranks.gathered(labels)
        self._remember(batch, labels)
        chosen = self._some_real(labels)
        same_real = labels[:, None] == self._labels[chosen]
        same_fake = labels[:, None] == self._fake_labels
        same_fake[:, -len(labels) :].fill_diagonal_(False)
        losses, lengths = [], []
        for index, (fake, scale) in enumerate(zip(fakes, self._scales, strict=True)):
            points = (batch[index], self._real[index][:, chosen], self._fakes[index])
            x, real, seen = (p / scale for p in points)
            field, length = drift_field(x, real, seen, same_real, same_fake, TEMPERATURES)
            mine = ranks.share(field.transpose(0, 1)).transpose(0, 1)
            # The gradient of |x - (x + field)|^2 / 2 with the target held, averaged over places and images.
            losses.append(-(fake / scale * mine).sum(2).mean() / fake.shape[2] ** 0.5)
            lengths.append(length)
        return torch.stack(losses).mean(), torch.stack(lengths).mean()

    def _remember(self, batch: Sequence[Tensor], labels: Tensor) -> None:
        pairs = zip(self._fakes, batch, strict=True)
        kept = max(NEGATIVES, len(labels))
        self._fakes = [torch.cat([seen, fake], 1)[:, -kept:] for seen, fake in pairs]
        self._fake_labels = torch.cat([self._fake_labels, labels])[-kept:]

    def _some_real(self, labels: Tensor) -> Tensor:
        """Indices of real images of the classes in this batch, with repetition."""
        fitting = torch.isin(self._labels, labels).nonzero().squeeze(1)
        pool = fitting if len(fitting) else torch.arange(len(self._labels), device=labels.device)
        return pool[torch.randint(0, len(pool), (POSITIVES,), device=labels.device)]

    def state(self) -> State:
        """The generated images that are remembered; the real ones come with the data."""
        return {"fakes": list(self._fakes), "labels": self._fake_labels}

    def load(self, state: State) -> None:
        self._fakes, self._fake_labels = list(state["fakes"]), state["labels"]


def _typical_distance(points: Tensor) -> float:
    """Mean distance between two halves of (some of) the real images, over all places."""
    some = points[:, : 2 * SCALE_IMAGES]
    half = max(1, some.shape[1] // 2)
    distance = torch.cdist(some[:, :half], some[:, half:]).mean().item() if some.shape[1] > 1 else 0.0
    return max(distance, 1e-3)
