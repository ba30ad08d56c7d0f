"""Which images and classes a run or a published model is judged by."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor, nn

from training import subject
from training.data import prepare
from training.facts import Dataset, TrainingFacts
from training.publish import publish


class Plain(nn.Module):
    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.z_dim, self.num_classes, self.img_resolution, self.img_channels = 4, num_classes, 16, 1
        self.grey = nn.Linear(4, 1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.grey(z)[:, :, None, None].expand(-1, -1, 16, 16)


def published(models: Path, classes: tuple[str, ...], seed: int) -> Path:
    facts = TrainingFacts(
        family="dcgan",
        dataset=Dataset("drawings", "0" * 64, count=64, held_out=6),
        recipe="dcgan",
        config={},
        seed=seed,
        images_seen=1,
        seconds=1,
        cpu_hours=0,
        commit="",
        device="cpu",
        versions={},
        classes=classes,
    )
    return publish(Plain(len(classes)), facts, models, "plain", data_licence="CC0-1.0", weights_licence="CC0-1.0")


def test_a_published_model_is_held_against_the_folder_as_training_split_it(drawings, tmp_path):
    model = published(tmp_path / "models", ("even", "odd"), seed=7)
    found = subject.of(model, drawings, tmp_path / "cache")
    training = prepare(drawings, resolution=16, channels=1, cache=tmp_path / "other", seed=7)
    assert found.images.sha256 == training.sha256
    np.testing.assert_array_equal(found.images.held_out, training.held_out)
    np.testing.assert_array_equal(found.labels, training.labels)
    assert found.images.images.shape[1:] == (16, 16, 1)


def test_classes_of_another_folder_are_not_the_models(drawings, tmp_path):
    model = published(tmp_path / "models", ("cats", "dogs", "owls"), seed=0)
    found = subject.of(model, drawings, tmp_path / "cache")
    assert found.labels.tolist() == [0, 1, 2]


def test_a_flat_folder_does_for_a_model_with_classes(tmp_path):
    model = published(tmp_path / "models", ("even", "odd"), seed=0)
    flat = tmp_path / "flat"
    flat.mkdir()
    for number in range(20):
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (16, 16), np.uint8)).save(flat / f"{number}.png")
    assert subject.of(model, flat, tmp_path / "cache").labels.tolist() == [0, 1]


def test_a_model_without_a_folder_is_refused(tmp_path):
    model = published(tmp_path / "models", (), seed=0)
    with pytest.raises(ValueError, match="name the folder of images"):
        subject.of(model, None, tmp_path / "cache")


def test_what_is_neither_run_nor_model_is_refused(drawings, tmp_path):
    for folder in (None, drawings):
        with pytest.raises(FileNotFoundError, match="not a training run"):
            subject.of(tmp_path, folder, tmp_path / "cache")
