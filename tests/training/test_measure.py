"""What is measured of a generator that encodes, beside what is measured of all."""

import numpy as np
import pytest
import torch
from torch import Tensor

from training.data.dataset import ImageSet
from training.data.report import LintReport
from training.measure import measure
from training.networks.generator import ImageGenerator
from training.subject import Subject


class Pixels:
    """An extractor for tests: the corner pixels."""

    name, sha256 = "pixels", "0" * 64

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return images[:, :2, :2].reshape(len(images), -1).astype(np.float32)


class Drawing(ImageGenerator):
    z_dim, num_classes, img_resolution, img_channels = 2, 0, 4, 1

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return (self.weight * z).mean(1).clamp(-1, 1)[:, None, None, None].expand(-1, 1, 4, 4)


class Reconstructing(Drawing):
    """Brings every image back ten levels brighter."""

    def encode(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)).expand(-1, 2) + 10 / 127.5


def subject(generator: ImageGenerator, report: LintReport) -> Subject:
    levels = np.random.default_rng(0).integers(0, 240, 60, dtype=np.uint8)
    images = np.broadcast_to(levels[:, None, None, None], (60, 4, 4, 1))
    labels, files = np.zeros(60, np.int64), tuple(map(str, range(60)))
    parts = np.arange(30), np.arange(30, 60)
    return Subject(generator, ImageSet("grey", images, labels, (), *parts, files, "0" * 64, report), labels)


@pytest.fixture
def report() -> LintReport:
    return LintReport.__new__(LintReport)  # nothing here reads it


def test_reconstructions_of_held_out_images_are_measured(report: LintReport) -> None:
    metrics = measure(subject(Reconstructing(), report), extractors=[Pixels()])
    assert metrics["psnr"].value == pytest.approx(10 * np.log10(255**2 / 100), abs=0.05)
    assert metrics["psnr"].floor is None
    assert metrics["psnr"].extractor_sha256 is None
    assert "kid_pixels" in metrics


def test_a_generator_that_does_not_encode_has_no_psnr(report: LintReport) -> None:
    assert "psnr" not in measure(subject(Drawing(), report), extractors=[Pixels()])
