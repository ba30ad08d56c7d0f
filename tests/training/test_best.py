"""The latest moment of a run is published, unless an earlier one was clearly better."""

import numpy as np
import pytest
import torch
from torch import Tensor

from training import checkpoint
from training.best import MEASURED_FROM, Best
from training.judge import Judge
from training.networks.generator import ImageGenerator

IMAGES = 30_000


class Painter(ImageGenerator):
    """Paints grey noise around one level: the further from the reference's 0, the worse."""

    z_dim, num_classes, img_resolution, img_channels = 1, 0, 2, 1

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = torch.nn.Parameter(torch.tensor(level))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return (self.level + z / 10).clamp(-1, 1)[:, :, None, None].expand(-1, 1, 2, 2)


@pytest.fixture
def best() -> Best:
    reference = np.random.default_rng(0).normal(127.5, 12.7, (256, 1, 1, 1)).astype(np.uint8)
    judge = Judge(lambda images: (images.astype(np.float32) / 64).mean((1, 2, 3))[:, None], reference)
    return Best(judge, np.zeros(10, np.int64), seed=0)


def kept(best: Best) -> tuple[int, float]:
    state = best.state()
    return state["images_seen"], float(state["published"]["level"])


def test_a_later_moment_that_is_as_good_wins(best: Best) -> None:
    assert "kept" in best.offer(Painter(0.2), 0.8, IMAGES)
    assert "kept" in best.offer(Painter(0.2), 0.9, IMAGES + 1)
    assert kept(best) == (IMAGES + 1, pytest.approx(0.2))


def test_a_later_moment_that_is_clearly_worse_does_not(best: Best) -> None:
    best.offer(Painter(0.2), 0.8, IMAGES)
    assert "not kept" in best.offer(Painter(0.9), 0.9, IMAGES + 1)
    assert kept(best) == (IMAGES, pytest.approx(0.2))


def test_slowly_worse_is_worse_in_the_end(best: Best) -> None:
    levels = [0.5 * 1.02**n for n in range(20)]
    for number, level in enumerate(levels):
        best.offer(Painter(level), 0.8, IMAGES + number)
    assert kept(best)[1] < 0.6


def test_what_is_kept_does_not_change_while_the_generator_learns_on(best: Best) -> None:
    painter = Painter(0.2)
    best.offer(painter, 0.8, IMAGES)
    with torch.no_grad():
        painter.level.add_(0.7)
    assert kept(best)[1] == pytest.approx(0.2)


@pytest.mark.parametrize(("progress", "images"), [(MEASURED_FROM - 0.01, IMAGES), (1.0, 5000)])
def test_early_moments_and_short_runs_are_not_measured(best: Best, progress: float, images: int) -> None:
    assert best.offer(Painter(0.0), progress, images) == ""
    assert best.state() == {}


def test_a_checkpoint_holds_it(best: Best) -> None:
    best.offer(Painter(0.2), 0.8, IMAGES)
    tensors, skeleton = checkpoint.flatten(best.state())
    best.load(checkpoint.unflatten(tensors, skeleton))
    assert "not kept" in best.offer(Painter(0.9), 0.9, IMAGES + 1)
    assert kept(best) == (IMAGES, pytest.approx(0.2))
