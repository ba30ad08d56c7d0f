"""What given seeds give through the exported generator: the pixels of golden.png and preview.png."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from training.latents import latent

GOLDEN_SEEDS = tuple(range(16))
PREVIEW_SEEDS = tuple(range(64))
COLUMNS = 4
TOLERANCE = 2
"""Levels of 0..255 by which another device or a rearranged network may differ."""


def cycled_labels(seeds: Sequence[int], num_classes: int) -> list[int] | None:
    """One class after the other; None without classes."""
    return [index % num_classes for index in range(len(seeds))] if num_classes else None


@torch.no_grad()
def render(generator: nn.Module, seeds: Sequence[int], labels: Sequence[int] | None, z_dim: int) -> np.ndarray:
    """uint8 [N, H, W, C] by the rules of models/README.md. Raises ValueError if a number is not finite."""
    z = torch.tensor([latent(seed, z_dim) for seed in seeds], dtype=torch.float32)
    images = generator(z, torch.tensor(labels or [0] * len(seeds)))
    if not images.isfinite().all():
        raise ValueError("the generator gives infinite numbers, or none at all (NaN): its training diverged")
    levels = images.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().numpy()
