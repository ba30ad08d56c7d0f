"""What a picture is described by when generated ones are compared with real ones: features of a frozen network and
plain pixels, place by place, from coarse to fine.

Each descriptor is a tensor [places, B, D]: place by place because narrow sets are aligned, so that an eye is compared
with eyes. Means and deviations over cells, and over the whole picture, keep
their number small.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

CELLS = 8
"""Places a side at most, of the maps of the frozen network ..."""
COARSE_CELLS = 4
"""... and of its last map, whose places see nearly everything anyway."""
PIXEL_SIDES = (4, 8, 16)
PATCHES = 4
EPSILON = 1e-4


def describe(images: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
    """images [B, C, R, R] float32, R >= 16, with their maps by FrozenFeatures -> descriptors [places, B, D]."""
    cells = [CELLS] * (len(maps) - 1) + [COARSE_CELLS]
    found = [part for m, side in zip(maps, cells, strict=True) for part in (*_cells(m, side), _whole(m))]
    found += [_thumbnail(images, side) for side in PIXEL_SIDES if side < images.shape[2]]
    return [*found, _patches(images)]


def _cells(m: Tensor, side: int) -> list[Tensor]:
    """Means over a grid of at most side x side cells and, where a cell is more than a pixel, standard deviations."""
    size = max(1, m.shape[2] // side)
    if size == 1:
        return [_by_place(m)]
    mean = F.avg_pool2d(m, size)
    variance = (F.avg_pool2d(m.square(), size) - mean.square()).clamp_min(0)
    return [_by_place(mean), _by_place((variance + EPSILON).sqrt())]


def _by_place(m: Tensor) -> Tensor:
    """[B, D, H, W] -> [H W, B, D]."""
    return m.permute(2, 3, 0, 1).flatten(0, 1)


def _whole(m: Tensor) -> Tensor:
    """Mean and standard deviation over the picture, as two places."""
    variance, mean = torch.var_mean(m, (2, 3), correction=0)
    return torch.stack([mean, (variance + EPSILON).sqrt()])


def _thumbnail(images: Tensor, side: int) -> Tensor:
    return F.adaptive_avg_pool2d(images, side).flatten(1)[None]


def _patches(images: Tensor) -> Tensor:
    """The picture at half its size in PATCHES x PATCHES pieces."""
    half = F.avg_pool2d(images, 2)
    side = half.shape[2] // PATCHES
    pieces = half.unfold(2, side, side).unfold(3, side, side)
    return pieces.permute(2, 3, 0, 1, 4, 5).flatten(0, 1).flatten(2)
