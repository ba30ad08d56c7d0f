import numpy as np
import torch
from torch import Tensor

from training.drawing import DRAW_BATCH, draw, pixels
from training.networks.generator import ImageGenerator


class Painter(ImageGenerator):
    """The label's level in red, z in green."""

    z_dim, num_classes, img_resolution, img_channels = 1, 3, 2, 2

    def __init__(self) -> None:
        super().__init__()
        self.levels = torch.nn.Parameter(torch.tensor([-1.0, 0.5, 7.0]))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.cat([self.levels[label][:, None], z], 1)[:, :, None, None].expand(-1, 2, 2, 2)


def test_levels_are_rounded_and_held_within_a_byte() -> None:
    drawn = pixels(Painter(), torch.tensor([[-1.0], [1.0], [0.0]]), torch.tensor([0, 1, 2]))
    assert drawn.dtype == np.uint8
    assert drawn.shape == (3, 2, 2, 2)
    assert drawn[:, 0, 0].tolist() == [[0, 0], [191, 255], [255, 128]]


def test_classes_keep_their_shares_and_a_seed_its_images() -> None:
    labels = np.array([0, 0, 0, 1])
    drawn = draw(Painter(), 10 * DRAW_BATCH + 3, labels, seed=5)
    assert len(drawn) == 10 * DRAW_BATCH + 3
    share = (drawn[:, 0, 0, 0] == 191).mean()
    assert 0.2 < share < 0.3
    assert np.array_equal(drawn, draw(Painter(), len(drawn), labels, seed=5))
    assert not np.array_equal(drawn, draw(Painter(), len(drawn), labels, seed=6))
