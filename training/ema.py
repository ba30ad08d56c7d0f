"""The exponential moving average of a generator's weights: what is evaluated, shown and published."""

import copy

import torch
from torch import Tensor

from training.networks.generator import ImageGenerator


class Ema:
    """Averages `source` with a half-life in images, shorter while training is young (Karras et al. 2020, ADA, table 2).

    half-life = min(`half_life`, `ramp` * images seen): the average never remembers the noise of the first steps.
    """

    def __init__(self, source: ImageGenerator, half_life: float, ramp: float = 0.05) -> None:
        self.module = copy.deepcopy(source).eval().requires_grad_(False)
        self._source = source
        self._half_life = half_life
        self._ramp = ramp

    @torch.no_grad()
    def update(self, batch: int, images_seen: int) -> None:
        """Moves the average after a step on `batch` images; `images_seen` counts this step's."""
        keep = 0.5 ** (batch / max(min(self._half_life, self._ramp * images_seen), 1e-8))
        averages: list[Tensor] = list(self.module.parameters())
        weights: list[Tensor] = list(self._source.parameters())
        torch._foreach_lerp_(averages, weights, 1.0 - keep)
        for average, buffer in zip(self.module.buffers(), self._source.buffers(), strict=True):
            average.copy_(buffer)
