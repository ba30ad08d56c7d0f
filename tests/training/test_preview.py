import numpy as np
import torch
from torch import Tensor

from training.data.training_set import TrainingSet
from training.networks.generator import ImageGenerator
from training.preview import PREVIEW_IMAGES, Preview


class Painter(ImageGenerator):
    """Paints z, and the label beside it."""

    z_dim, num_classes, img_resolution, img_channels = 1, 3, 1, 2

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.1))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat([z * self.scale, label[:, None] * self.scale], 1)[:, :, None, None]


def test_the_same_seeds_and_the_labels_of_the_real_images_every_time() -> None:
    data = TrainingSet(np.arange(30, dtype=np.uint8).reshape(30, 1, 1, 1), np.arange(30) % 3, np.arange(5, 30))
    preview = Preview(data, 1, seed=4)
    assert len(preview.reals) == PREVIEW_IMAGES
    assert preview.reals.min() >= 5
    assert np.array_equal(preview.reals.ravel() % 3, preview.labels)
    fakes = preview.fakes(Painter())
    assert np.array_equal(fakes, preview.fakes(Painter()))
    assert len(np.unique(fakes[..., 0])) > 10
    assert np.array_equal(fakes[:, 0, 0, 1], np.array([128, 140, 153])[preview.labels])
