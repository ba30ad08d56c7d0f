"""What evaluate and audit found is kept beside a run, and good only for the weights that it was found of."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from training import judgement
from training.data import prepare
from training.evaluation import evaluate, memorisation
from training.judgement import audit_run, evaluate_run, evaluation_of, memorisation_of
from training.networks.generator import ImageGenerator
from training.subject import Subject

SIDE, COUNT = 16, 60


class Averages:
    """A quick stand-in for both networks: the mean of each quarter of the image and channel."""

    name = "averages"
    sha256 = "ab" * 32

    def __call__(self, images: np.ndarray) -> np.ndarray:
        quarters = images.reshape(len(images), 2, SIDE // 2, 2, SIDE // 2, -1).mean((2, 4))
        return quarters.reshape(len(images), -1).astype(np.float32)


class Memory(ImageGenerator):
    """Gives one of the images it was made with, whatever it is asked."""

    def __init__(self, images: np.ndarray) -> None:
        super().__init__()
        self.z_dim, self.num_classes, self.img_resolution, self.img_channels = 1, 0, SIDE, 3
        self.known = nn.Parameter(torch.from_numpy(images.copy()).permute(0, 3, 1, 2) / 127.5 - 1, requires_grad=False)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return self.known[(z[:, 0].abs() * 1e6).long() % len(self.known)]


def pictures(count: int, seed: int) -> np.ndarray:
    corners = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([np.asarray(Image.fromarray(c).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for c in corners])


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, picture in enumerate(pictures(150, 0)):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    return prepare(folder, resolution=SIDE, channels=3, cache=folder / ".cache", held_out_fraction=0.2)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(evaluate, "extractor", lambda name: Averages())
    monkeypatch.setattr(memorisation, "extractor", lambda name: Averages())


def copier(images) -> Subject:
    return Subject(Memory(images.images[images.train]), images, images.labels)


def honest(images) -> Subject:
    return Subject(Memory(pictures(500, 1)), images, images.labels)


def test_a_copier_fails_and_the_pairs_are_kept_to_look_at(tmp_path, images):
    found = audit_run(tmp_path, copier(images), COUNT)
    assert found.verdict == "failed"
    kept = json.loads((tmp_path / "audit.json").read_text())["found"]
    assert (kept["verdict"], kept["summary"]) == ("failed", found.summary)
    with Image.open(tmp_path / "closest.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape == (6 * SIDE, 8 * SIDE, 3)
    pair = pixels[:SIDE, : 2 * SIDE].reshape(SIDE, 2, SIDE, 3).swapaxes(0, 1)
    np.testing.assert_array_equal(pair[0], pair[1])


def test_one_that_draws_new_images_passes(tmp_path, images):
    assert audit_run(tmp_path, honest(images), COUNT).verdict == "passed"


def test_a_verdict_is_found_once(tmp_path, images, monkeypatch):
    first = memorisation_of(tmp_path, copier(images), COUNT)
    assert first.verdict == "failed"
    monkeypatch.setattr(judgement, "audit", lambda *_: pytest.fail("audited twice"))
    assert memorisation_of(tmp_path, copier(images), COUNT) == first


def test_metrics_are_found_once(tmp_path, images, monkeypatch):
    first = evaluation_of(tmp_path, honest(images), COUNT)
    assert first["kid_averages"].extractor_sha256 == Averages.sha256
    monkeypatch.setattr(judgement, "measure", lambda *_: pytest.fail("measured twice"))
    assert evaluation_of(tmp_path, honest(images), COUNT) == first


def test_other_weights_or_another_count_are_judged_anew(tmp_path, images):
    assert memorisation_of(tmp_path, copier(images), COUNT).verdict == "failed"
    assert memorisation_of(tmp_path, honest(images), COUNT).verdict == "passed"
    assert "50 generated" in memorisation_of(tmp_path, honest(images), 50).summary


@pytest.mark.parametrize("content", [b"", b"{", b"\xff"])
def test_a_damaged_verdict_is_found_anew(tmp_path, images, content):
    (tmp_path / "audit.json").write_bytes(content)
    assert memorisation_of(tmp_path, copier(images), COUNT).verdict == "failed"


def test_evaluate_always_measures(tmp_path, images):
    good = evaluate_run(tmp_path, honest(images), COUNT)
    assert evaluate_run(tmp_path, copier(images), COUNT) != good
    assert json.loads((tmp_path / "evaluation.json").read_text())["count"] == COUNT
