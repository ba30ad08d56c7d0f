"""From a generator to pixels."""

import numpy as np
import torch
from torch import Tensor

from training.networks.generator import ImageGenerator

DRAW_BATCH = 64


@torch.no_grad()
def pixels(generator: ImageGenerator, z: Tensor, labels: Tensor) -> np.ndarray:
    """z [N, z_dim], labels int64 [N], on any device -> uint8 [N, R, R, C]."""
    device = next(generator.parameters()).device
    pairs = zip(z.to(device).split(DRAW_BATCH), labels.to(device).split(DRAW_BATCH), strict=True)
    images = torch.cat([generator(*pair).float() for pair in pairs])
    levels = images.add(1).mul(127.5).round().clamp(0, 255).byte()
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


def draw(generator: ImageGenerator, count: int, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """`count` images uint8 [count, R, R, C]; labels are drawn from `labels` int64 [M]: classes keep their shares."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(count, generator.z_dim, generator=random)
    chosen = torch.from_numpy(labels)[torch.randint(0, len(labels), (count,), generator=random)]
    return pixels(generator, z, chosen)
