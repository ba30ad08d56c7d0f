"""The images to train on, as the cache holds them, and batches of them as the networks take them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainingSet:
    """images uint8 [N, R, R, C], labels int64 [N] of the whole set; chosen int64 [M]: those to train on.

    Indices below are positions in `chosen`, so that the memory-mapped cache is never copied.
    """

    images: np.ndarray
    labels: np.ndarray
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """uint8 [B, R, R, C]."""
        return np.asarray(self.images[self.chosen[indices]])

    def labels_of(self, indices: np.ndarray) -> np.ndarray:
        """int64 [B]."""
        return self.labels[self.chosen[indices]]

    def batch(self, indices: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        """-> images float32 [B, C, R, R] in [-1, 1], labels int64 [B], on `device`."""
        pixels = torch.from_numpy(self.pixels(indices)).to(device, non_blocking=True)
        images = pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
        return images, torch.from_numpy(self.labels_of(indices)).to(device, non_blocking=True)
