"""The same 64 seeds, one row of labels after the other, drawn again and again while the generator learns."""

import numpy as np
import torch

from training.data.training_set import TrainingSet
from training.drawing import pixels
from training.networks.generator import ImageGenerator

PREVIEW_IMAGES = 64


class Preview:
    """reals uint8 [64, R, R, C]: images of the set at random; labels int64 [64]: theirs, which the fakes take too."""

    def __init__(self, data: TrainingSet, z_dim: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        shown = torch.randint(0, len(data), (PREVIEW_IMAGES,), generator=generator).numpy()
        self.reals = data.pixels(shown)
        self.labels = data.labels_of(shown)
        self._z = torch.randn(PREVIEW_IMAGES, z_dim, generator=generator)

    def fakes(self, generator: ImageGenerator) -> np.ndarray:
        """uint8 [64, R, R, C]."""
        return pixels(generator, self._z, torch.from_numpy(self.labels))
