"""publish: what lies there afterwards, and that nothing does when it was refused."""

import hashlib
import io
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.training.tiny import LICENCES, SIDE, Tiny, read
from training.export import load
from training.facts import Dataset, Memorisation, Metric, TrainingFacts
from training.golden import render
from training.manifest import check
from training.publish import PublishError, publish

FACTS = TrainingFacts(
    family="tessera-gan",
    dataset=Dataset("drawings", "0" * 64, count=100, held_out=10),
    recipe="tessera",
    config={"lr": 2e-4, "widths": (8, 4)},
    seed=0,
    images_seen=640,
    seconds=12.5,
    cpu_hours=0.007,
    commit="abc-dirty",
    device="cpu",
    versions={"torch": torch.__version__},
)


class TinyEncoder(Tiny):
    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :6]


class Endless(Tiny):
    """Finite for the eight seeds of the parity check, and no longer for all sixteen golden ones."""

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        colour = torch.where(z > 2.2, torch.full_like(z, float("nan")), z)[:, :3]
        return colour[:, :, None, None].expand(-1, -1, self.img_resolution, self.img_resolution)


def tiles(path, columns, count, channels):
    with Image.open(path) as picture:
        pixels = np.asarray(picture).reshape(-1, SIDE, columns, SIDE, channels)
    return pixels.swapaxes(1, 2).reshape(-1, SIDE, SIDE, channels)[:count]


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_a_published_model_is_what_its_manifest_says(tmp_path, channels, classes):
    folder = publish(
        Tiny(len(classes), channels), replace(FACTS, classes=classes), tmp_path / "models", "drawings", **LICENCES
    )
    assert folder == tmp_path / "models" / "drawings" / "1"
    manifest = read(folder)
    check(manifest)
    assert {path.name for path in folder.iterdir()} == {"manifest.json", *manifest["files"]}
    for name, facts in manifest["files"].items():
        data = (folder / name).read_bytes()
        assert facts == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert manifest["image"] == {"height": SIDE, "width": SIDE, "channels": channels}
    assert manifest["latent"] == {"dim": 6, "distribution": "normal", "mean": None}
    assert manifest["classes"] == list(classes)
    assert manifest["capabilities"] == ["generate"]
    assert manifest["licence"] == {"data": "CC0-1.0", "weights": "MIT"}
    assert manifest["golden"] == {
        "seeds": list(range(16)),
        "labels": [index % 3 for index in range(16)] if classes else None,
        "columns": 4,
        "padding": 0,
        "tolerance": 2,
    }


@pytest.mark.parametrize("classes", [(), ("a", "b", "c")])
def test_the_pictures_show_what_the_published_generator_gives(tmp_path, classes):
    folder = publish(Tiny(len(classes)), replace(FACTS, classes=classes), tmp_path, "drawings", **LICENCES)
    saved = load((folder / "generator.pt").read_bytes())
    labels = [index % 3 for index in range(64)] if classes else None
    expected = render(saved, range(64), labels, 6)
    np.testing.assert_array_equal(tiles(folder / "golden.png", 4, 16, 3), expected[:16])
    np.testing.assert_array_equal(tiles(folder / "preview.png", 8, 64, 3), expected)
    assert len(np.unique(expected.reshape(64, -1), axis=0)) > 60


def test_the_facts_stand_in_the_manifest(tmp_path):
    facts = replace(
        FACTS,
        gpu_hours=0.5,
        energy_wh=3.25,
        latent_mean=(0.0, 0.5, 0.0, 0.0, 0.0, -1.0),
        metrics={"kid": Metric(0.4, 0.01, "1" * 64), "psnr": Metric(22.5)},
        memorisation=Memorisation("passed", "Nothing was closer than held-out images are."),
    )
    manifest = read(publish(TinyEncoder(), facts, tmp_path, "drawings", **LICENCES))
    assert manifest["training"] == {
        "dataset": {"name": "drawings", "sha256": "0" * 64, "count": 100, "held_out": 10},
        "recipe": "tessera",
        "config": {"lr": 2e-4, "widths": [8, 4]},
        "seed": 0,
        "images_seen": 640,
        "seconds": 12.5,
        "cpu_hours": 0.007,
        "gpu_hours": 0.5,
        "energy_wh": 3.25,
        "commit": "abc-dirty",
        "device": "cpu",
        "versions": {"torch": torch.__version__},
    }
    assert manifest["latent"]["mean"] == [0.0, 0.5, 0.0, 0.0, 0.0, -1.0]
    assert manifest["metrics"] == {
        "kid": {"value": 0.4, "floor": 0.01, "extractor_sha256": "1" * 64},
        "psnr": {"value": 22.5, "floor": None, "extractor_sha256": None},
    }
    assert manifest["memorisation"]["verdict"] == "passed"
    assert manifest["capabilities"] == ["generate", "encode"]


def test_versions_count_up_and_the_old_ones_stay(tmp_path):
    first = publish(Tiny(), FACTS, tmp_path, "drawings", **LICENCES)
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    second = publish(Tiny(), FACTS, tmp_path, "drawings", **LICENCES)
    assert second.name == "2"
    assert read(second)["version"] == 2
    assert {path.name: path.read_bytes() for path in first.iterdir()} == before


def test_class_names_of_any_language(tmp_path):
    facts = replace(FACTS, classes=("Füße", "猫", 'a "b" | `c` <script>'))
    folder = publish(Tiny(3), facts, tmp_path, "drawings", **LICENCES)
    assert read(folder)["classes"] == list(facts.classes)
    assert "<script>" not in (folder / "MODEL_CARD.md").read_text("utf-8").replace("\\<script\\>", "")


@pytest.mark.parametrize(
    "name", ["", "Avatars", "a_b", "-a", "a/b", "../a", ".", "..", "a" * 64, "ä", "a\n", "a b", "a@1", "\u0661"]
)
def test_names_that_a_model_cannot_have(tmp_path, name):
    with pytest.raises(PublishError, match="name "):
        publish(Tiny(), FACTS, tmp_path / "models", name, **LICENCES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "0", "a" * 63, "a-b-1", "1-"])
def test_names_that_a_model_can_have(tmp_path, name):
    assert publish(Tiny(), FACTS, tmp_path, name, **LICENCES).parent.name == name


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"family": "stylegan"}, "manifest.family"),
        ({"recipe": ""}, "manifest.training.recipe"),
        ({"seed": -1}, "manifest.training.seed"),
        ({"seed": 1.5}, "manifest.training.seed"),
        ({"images_seen": "many"}, "manifest.training.images_seen"),
        ({"seconds": float("nan")}, "no JSON"),
        ({"cpu_hours": -1.0}, "manifest.training.cpu_hours"),
        ({"config": {"path": Path("x")}}, "no JSON"),
        ({"config": {"lr": float("inf")}}, "no JSON"),
        ({"config": {"note": "\udcff"}}, "no JSON"),
        ({"versions": {"torch": 2}}, "manifest.training.versions"),
        ({"dataset": Dataset("drawings", "abc", 100, 10)}, "manifest.training.dataset.sha256"),
        ({"dataset": Dataset("drawings", "0" * 64, 100, 100)}, "held_out must be less than count"),
        ({"dataset": Dataset("drawings", "0" * 64, 0, 0)}, "manifest.training.dataset.count"),
        ({"metrics": {"kid": Metric(0.4, 0.1, "abc")}}, "manifest.metrics.kid.extractor_sha256"),
        ({"metrics": {"kid": Metric(float("nan"))}}, "no JSON"),
        ({"memorisation": Memorisation("fine")}, "manifest.memorisation.verdict"),
        ({"latent_mean": (0.0,)}, "latent.mean must have latent.dim numbers"),
        ({"classes": ("a",)}, "num_classes 0, but 1 classes"),
    ],
)
def test_facts_that_no_service_would_accept(tmp_path, change, part):
    with pytest.raises(PublishError, match=part):
        publish(Tiny(), replace(FACTS, **change), tmp_path / "models", "drawings", **LICENCES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("classes", [("a", "a"), ("a", ""), ("a", "b\n"), ("a", "\udcff"), ("a", "x" * 201)])
def test_class_names_that_cannot_be_published(tmp_path, classes):
    with pytest.raises(PublishError):
        publish(Tiny(2), replace(FACTS, classes=classes), tmp_path / "models", "drawings", **LICENCES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("licences", [{"data_licence": ""}, {"weights_licence": ""}, {"data_licence": "x" * 201}])
def test_a_licence_is_asked_for(tmp_path, licences):
    with pytest.raises(PublishError, match=r"manifest\.licence"):
        publish(Tiny(), FACTS, tmp_path / "models", "drawings", **LICENCES | licences)


def test_a_generator_that_cannot_be_exported(tmp_path):
    broken = Tiny()
    broken.img_resolution = 9
    broken.forward = lambda z, label: z
    with pytest.raises(PublishError, match="drawings cannot be published"):
        publish(broken, FACTS, tmp_path / "models", "drawings", **LICENCES)
    with pytest.raises(PublishError, match="diverged"):
        publish(Endless(), FACTS, tmp_path / "models", "drawings", **LICENCES)
    assert list(tmp_path.iterdir()) == []


def test_a_copier_is_not_published_silently(tmp_path):
    facts = replace(FACTS, memorisation=Memorisation("failed", "41 of 100 samples repeat a training image."))
    with pytest.raises(PublishError, match=r"copies its training images.*41 of 100"):
        publish(Tiny(), facts, tmp_path / "models", "drawings", **LICENCES)
    assert list(tmp_path.iterdir()) == []
    folder = publish(Tiny(), facts, tmp_path, "drawings", **LICENCES, allow_failed_audit=True)
    assert read(folder)["memorisation"]["verdict"] == "failed"
    assert "**Failed.**" in (folder / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize("operation", ["fsync", "rename", "mkdir"])
def test_a_disk_that_fails_is_an_error_in_words_and_leaves_nothing(tmp_path, monkeypatch, operation):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, operation, fail)
        with pytest.raises(PublishError, match=r"drawings: could not be written \(.*No space left"):
            publish(Tiny(), FACTS, tmp_path, "drawings", **LICENCES)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_models_folder(tmp_path):
    (tmp_path / "models").write_text("x")
    with pytest.raises(PublishError, match="could not be written"):
        publish(Tiny(), FACTS, tmp_path / "models", "drawings", **LICENCES)
    assert (tmp_path / "models").read_text() == "x"


def test_the_pngs_are_plain(tmp_path):
    folder = publish(Tiny(), FACTS, tmp_path, "drawings", **LICENCES)
    for name in ("golden.png", "preview.png"):
        with Image.open(io.BytesIO((folder / name).read_bytes())) as picture:
            assert (picture.format, picture.mode, picture.info) == ("PNG", "RGB", {})
