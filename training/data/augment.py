"""Differentiable augmentation (DiffAugment, Zhao et al. 2020): real and generated images pass through the same random
changes before the discriminator sees them, so that it cannot learn a small data set by heart.

Only integer shifts and cut-outs: colours are left alone, because a generator that is allowed to drift in colour does.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from training import ranks

SHIFT = 1 / 8
CUTOUT = 1 / 2


def augment(images: Tensor, strength: float) -> Tensor:
    """images [B, C, H, W], same shape out; each is changed with probability `strength` (0 returns `images` itself)."""
    if strength <= 0:
        return images
    return cutout(translate(images, strength), strength)


def translate(images: Tensor, strength: float) -> Tensor:
    """Shifts each image by up to an eighth of its side, the edge repeated into the gap."""
    batch, channels, height, width = images.shape
    reach_y, reach_x = int(height * SHIFT), int(width * SHIFT)
    everybody = batch * ranks.size()
    chosen = ranks.share(torch.rand(everybody, device=images.device)) < strength
    down = ranks.share(torch.randint(0, 2 * reach_y + 1, (everybody,), device=images.device))
    right = ranks.share(torch.randint(0, 2 * reach_x + 1, (everybody,), device=images.device))
    down = torch.where(chosen, down, reach_y)
    right = torch.where(chosen, right, reach_x)
    padded = F.pad(images, (reach_x, reach_x, reach_y, reach_y), mode="replicate")
    rows = (down[:, None] + torch.arange(height, device=images.device))[:, None, :, None]
    columns = (right[:, None] + torch.arange(width, device=images.device))[:, None, None, :]
    shifted = padded.gather(2, rows.expand(-1, channels, -1, padded.shape[3]))
    return shifted.gather(3, columns.expand(-1, channels, height, -1))


def cutout(images: Tensor, strength: float) -> Tensor:
    """Sets a square of half the side, centred anywhere, to zero (mid-grey)."""
    batch, _, height, width = images.shape
    everybody = batch * ranks.size()
    chosen = ranks.share(torch.rand(everybody, 1, 1, device=images.device)) < strength
    centre_y = ranks.share(torch.randint(0, height, (everybody, 1), device=images.device))
    centre_x = ranks.share(torch.randint(0, width, (everybody, 1), device=images.device))
    in_rows = (torch.arange(height, device=images.device) - centre_y).abs() < height * CUTOUT / 2
    in_columns = (torch.arange(width, device=images.device) - centre_x).abs() < width * CUTOUT / 2
    hidden = in_rows[:, :, None] & in_columns[:, None, :] & chosen
    return images * ~hidden[:, None]
