"""PSNR by hand, and the way through a model's code."""

import numpy as np
import pytest
from torch import Tensor

from training.evaluation.reconstruction import BATCH, psnr, reconstructed
from training.networks.generator import ImageGenerator


def test_psnr_of_a_known_error() -> None:
    a = np.full((2, 4, 4, 3), 100, np.uint8)
    assert psnr(a, a + np.uint8(5)) == pytest.approx(10 * np.log10(255**2 / 25))
    b = a.copy()
    b[0] += 10  # half of the images: the mean is of the errors, not of the decibels
    assert psnr(a, b) == pytest.approx(10 * np.log10(255**2 / 50))
    assert psnr(a, a) == float("inf")


def test_psnr_knows_no_wrap_around() -> None:
    black, white = np.zeros((1, 1, 1, 1), np.uint8), np.full((1, 1, 1, 1), 255, np.uint8)
    assert psnr(black, white) == psnr(white, black) == pytest.approx(0.0)


@pytest.mark.parametrize("shape", [(2, 4, 4, 1), (0, 4, 4, 3)])
def test_images_that_cannot_be_compared(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(np.zeros(shape, np.uint8), np.zeros((0, 4, 4, 3) if shape[0] == 0 else (2, 4, 4, 3), np.uint8))


class Brightness(ImageGenerator):
    """The code is the mean; the class adds half a grey."""

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return (z + label[:, None] / 2)[:, :, None, None].expand(-1, 1, 4, 4)

    def encode(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def test_images_go_through_the_code_with_their_labels() -> None:
    count = BATCH + 3
    levels = np.arange(count, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (count, 4, 4, 1))
    back = reconstructed(Brightness(), images, np.zeros(count, np.int64))
    assert np.array_equal(back, images)
    brighter = reconstructed(Brightness(), images, np.ones(count, np.int64))
    assert np.array_equal(brighter[:, 0, 0, 0], (levels + 63.75).round())
