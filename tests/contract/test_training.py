"""The whole way: train for a few steps, publish the run, serve it, ask over HTTP, and find each image in the grid."""

import asyncio

import numpy as np
import pytest
import torch
from PIL import Image

from app.lifecycle import Lifecycle
from app.loading import open_registry
from app.registry.proof import golden_inputs
from app.settings import Settings
from app.telemetry import Telemetry
from training.add_encoder import add_encoder
from training.evaluation.reconstruction import reconstructed
from training.fit import FitOptions, fit
from training.latents import latent
from training.networks import dcgan, tessera
from training.publish import publish, publish_run
from training.snapshot import load_generator

LICENCES = {"data_licence": "CC0-1.0", "weights_licence": "CC0-1.0"}
TOLERANCE = 2


def served(models_dir):
    """What the service loads from models_dir, and the golden images that each engine makes."""
    return with_models(models_dir, lambda model: model.engine.forward(*golden_inputs(model.manifest)))


def with_models(models_dir, action):
    """The result of action(model) for each model that the service loads from models_dir, by name."""
    registry = open_registry(Settings(models_dir=models_dir, device="cpu", max_batch_size=4), Lifecycle(), Telemetry())

    async def load():
        await registry.reload()
        assert registry.refused == ()
        results = {model.manifest.name: action(model) for model in registry.models()}
        await registry.drain()
        registry.stop()
        return results

    return asyncio.run(load())


def levels(generator, labels):
    """uint8 [16, R, R, C] of the golden seeds by the eager generator."""
    z = torch.tensor([latent(seed, generator.z_dim) for seed in range(16)])
    with torch.no_grad():
        x = generator(z, torch.tensor(labels))
    return ((x + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


def tiles(grid):
    """The sixteen 32x32 images of a grid of four columns with the usual padding of two pixels."""
    corners = [2 + 34 * position for position in range(4)]
    return np.stack([grid[top : top + 32, left : left + 32] for top in corners for left in corners])


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= TOLERANCE
    assert wanted.std() > 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 60 blotches each: enough to be trained on, and no two alike."""
    folder = tmp_path_factory.mktemp("blotches")
    random = np.random.default_rng(0)
    for name in ("dark", "light"):
        (folder / name).mkdir()
        for index in range(60):
            coarse = random.integers(0, 128, (4, 4, 3)) + (128 if name == "light" else 0)
            picture = Image.fromarray(coarse.astype(np.uint8)).resize((32, 32), Image.Resampling.BICUBIC)
            picture.save(folder / name / f"{index:03d}.png")
    return folder


@pytest.mark.parametrize(
    ("recipe", "classes", "family"),
    [("dcgan", 0, "dcgan"), ("tessera", 2, "tessera-gan"), ("autoencoder", 2, "autoencoder")],
)
def test_a_run_that_was_trained_published_and_served_makes_its_images(
    folder, tmp_path, serve, decode, recipe, classes, family
):
    run, outcome = fit(FitOptions(folder, recipe=recipe, images=256, resolution=32, device="cpu"), tmp_path / "runs")
    assert outcome.finished
    version = publish_run(run, tmp_path / "models", "blotches", **LICENCES)
    assert version == tmp_path / "models" / "blotches" / "1"
    generator = load_generator(run).generator
    assert generator.num_classes == classes
    labels = [index % classes for index in range(16)] if classes else None
    with serve(tmp_path / "models") as client:
        grid = decode(client.post("/generate", json={"n": 16, "seed": 0, "columns": 4, "labels": labels}))
    assert_close(tiles(grid), levels(generator, labels or [0] * 16))
    published = b"".join(path.read_bytes() for path in version.iterdir())
    assert str(tmp_path).encode() not in published
    assert f'"family": "{family}"'.encode() in published


def test_what_a_published_encoder_makes_of_an_image_the_service_makes_too(folder, tmp_path):
    """An autoencoder, and a generator that was given an encoder: served, both reconstruct as they did in training."""
    shown = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.glob("*/00[01].png"))])
    labels, wanted = np.array([0, 0, 1, 1]), {}
    for recipe in ("autoencoder", "tessera"):
        run, _ = fit(FitOptions(folder, recipe=recipe, images=64, resolution=32, device="cpu"), tmp_path / "runs")
        if recipe == "tessera":
            add_encoder(run, {"minutes": None, "images": 64, "processor_time": False}, "cpu")
        version = publish_run(run, tmp_path / "models", recipe, **LICENCES)
        assert '"encode"' in (version / "manifest.json").read_text()
        wanted[recipe] = reconstructed(load_generator(run).generator, shown, labels)
    made = with_models(tmp_path / "models", lambda m: m.engine.forward(m.engine.encode(shown), labels))
    for recipe, images in wanted.items():
        assert_close(made[recipe], images)


def test_every_family_and_shape_can_be_published_and_served(tmp_path, facts_of):
    generators = {
        "dcgan-grey": dcgan.Generator(32, 1, width=8),
        "tessera-rgba": tessera.baked(tessera.Generator(64, 4, num_classes=3)),
        "unbaked": tessera.Generator(32, 3, num_classes=2),
    }
    for name, generator in generators.items():
        classes = tuple(f"class {index}" for index in range(generator.num_classes))
        publish(generator, facts_of(classes), tmp_path, name, **LICENCES)
    images = served(tmp_path)
    for name, generator in generators.items():
        labels = [index % max(1, generator.num_classes) for index in range(16)]
        assert_close(images[name], levels(generator.eval(), labels))
