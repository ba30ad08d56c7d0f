"""add-encoder: a finished run encodes afterwards, and what it was trained for is kept to."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from training import checkpoint
from training.add_encoder import add_encoder
from training.fit import FitOptions, fit
from training.networks.encoder import EncodedGenerator
from training.run import read_options
from training.snapshot import load_bare, load_generator


def limits(images: int) -> dict[str, Any]:
    return {"minutes": None, "images": images, "processor_time": False}


def trained(folder: Path, out: Path, recipe: str) -> Path:
    run, _ = fit(FitOptions(folder, recipe=recipe, images=64, resolution=32, device="cpu"), out)
    return run


@pytest.fixture(scope="module")
def encoded(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the tutorial's recipe with an encoder that was trained for two steps."""
    run = trained(drawings, tmp_path_factory.mktemp("runs"), "dcgan")
    add_encoder(run, limits(64), "cpu")
    return run


@pytest.fixture
def run(encoded: Path, tmp_path: Path) -> Path:
    """The same, to be changed at will."""
    return Path(shutil.copytree(encoded, tmp_path / "run"))


def test_a_run_of_the_default_recipe_learns_to_encode(drawings: Path, tmp_path: Path) -> None:
    run = trained(drawings, tmp_path, "tessera")
    before = load_generator(run)
    assert not hasattr(before.generator, "encode")
    assert add_encoder(run, limits(64), "cpu").finished

    after = load_generator(run)
    assert isinstance(after.generator, EncodedGenerator)
    assert after.images_seen == before.images_seen == 64
    assert after.cpu_seconds > before.cpu_seconds
    assert after.options["config"]["encoder"]["batch_size"] == 32
    z, label = torch.randn(2, before.generator.z_dim), torch.tensor([0, 1])
    assert torch.equal(after.generator(z, label), before.generator(z, label))
    assert after.generator.encode(torch.rand(2, 3, 32, 32)).shape == z.shape


def test_one_for_other_weights_is_neither_published_nor_gone_on_with(run: Path) -> None:
    path = checkpoint.latest(run)
    assert path is not None
    state = checkpoint.read(path)
    state["recipe"]["generator"]["main.0.weight"] += 1
    checkpoint.write(path, state)
    with pytest.raises(ValueError, match=r"other weights.*add-encoder"):
        load_generator(run)
    assert not hasattr(load_bare(run).generator, "encode")
    made_for = read_options(run / "encoder")["generator_sha256"]
    add_encoder(run, limits(32), "cpu")
    assert read_options(run / "encoder")["generator_sha256"] != made_for
    assert hasattr(load_generator(run).generator, "encode")


def test_a_stopped_one_is_gone_on_with_and_a_finished_one_made_anew(run: Path) -> None:
    path = checkpoint.latest(run / "encoder")
    assert path is not None
    state = checkpoint.read(path)
    state["budget"] |= {"images_seen": 32, "progress": 0.5}  # as a signal after the first step leaves it
    checkpoint.write(path, state)
    assert add_encoder(run, limits(999), "cpu").images_seen == 64  # the limits that it was begun with
    assert "resumed" in (run / "encoder" / "log.txt").read_text()
    assert add_encoder(run, limits(96), "cpu").images_seen == 96
    assert "resumed" not in (run / "encoder" / "log.txt").read_text()


def test_an_autoencoder_encodes_already(drawings: Path, tmp_path: Path) -> None:
    run = trained(drawings, tmp_path, "autoencoder")
    with pytest.raises(ValueError, match="an autoencoder encodes already"):
        add_encoder(run, limits(32), "cpu")


def test_what_cannot_be_is_refused_before_anything_is_begun(run: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a training run"):
        add_encoder(tmp_path, limits(32), "cpu")
    kept = read_options(run / "encoder")
    for asked, device in ((limits(-3), "cpu"), (limits(32), "toaster")):
        with pytest.raises(ValueError, match=r"budget|toaster"):
            add_encoder(run, asked, device)
    assert read_options(run / "encoder") == kept
