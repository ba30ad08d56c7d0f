"""A finished or stopped run read back: its generator ready to draw, and what it took to get there."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training import checkpoint
from training import run as runs
from training.config import AutoencoderConfig, Config, DcganConfig, TesseraConfig
from training.fit import config_of
from training.networks import dcgan, tessera
from training.networks.autoencoder import Autoencoder, baked_autoencoder
from training.networks.encoder import EncodedGenerator, Encoder
from training.networks.generator import ImageGenerator
from training.weights import weights_sha256

ENCODER = "encoder"
"""The folder inside a run's that add-encoder writes."""
PUBLISHED: dict[type[Config], str] = {
    DcganConfig: "generator",
    TesseraConfig: "average",
    AutoencoderConfig: "published",
}
"""Where a recipe's state has the weights of what it publishes."""


@dataclass(frozen=True)
class Snapshot:
    """generator: eval mode, float32, CPU; as it was when it had seen `taken_at` of the run's `images_seen`.

    seconds and cpu_seconds: training time of the run, over all resumptions; energy_wh: None where the host
    could not tell.
    """

    generator: ImageGenerator
    options: dict[str, Any]
    taken_at: int
    images_seen: int
    seconds: float
    cpu_seconds: float
    energy_wh: float | None


def load_generator(run: Path) -> Snapshot:
    """What a run publishes: the generator of its best moment (training/best.py), before there is one of the latest,
    with its encoder if one was added.

    Raises FileNotFoundError when `run` is no run folder, CheckpointError when it has no readable checkpoint,
    ValueError when its encoder was trained for other weights.
    """
    snapshot = load_bare(run)
    path = checkpoint.latest(run / ENCODER)
    return snapshot if path is None else _with_encoder(snapshot, run, checkpoint.read(path))


def load_bare(run: Path) -> Snapshot:
    """The same as it came from the recipe, without an encoder that was added."""
    options = runs.read_options(run)
    path = checkpoint.latest(run)
    if path is None:
        raise checkpoint.CheckpointError(f"{run}: no readable checkpoint yet; train a little longer")
    state = checkpoint.read(path)
    best, config, budget = state.get("best", {}), config_of(options), state["budget"]
    generator = _rebuilt(config, best.get("published") or state["recipe"][PUBLISHED[type(config)]])
    return Snapshot(
        generator.eval().requires_grad_(False),
        options,
        best.get("images_seen", budget["images_seen"]),
        budget["images_seen"],
        budget["seconds"],
        budget["cpu_seconds"],
        budget.get("energy_wh"),
    )


def _with_encoder(bare: Snapshot, run: Path, state: checkpoint.State) -> Snapshot:
    options, generator = runs.read_options(run / ENCODER), bare.generator
    if options["generator_sha256"] != weights_sha256(generator):
        raise ValueError(
            f"{run / ENCODER} was trained for other weights of the generator, which has gone on since; run "
            f"`python -m training add-encoder {run}` again, or remove that folder"
        )
    encoder = Encoder(generator.img_resolution, generator.img_channels, generator.z_dim)
    encoder.load_state_dict(state["recipe"]["encoder"])
    return replace(
        bare,
        generator=EncodedGenerator(generator, encoder).eval().requires_grad_(False),
        options=bare.options | {"config": bare.options["config"] | {"encoder": options["config"]}},
        seconds=bare.seconds + state["budget"]["seconds"],
        cpu_seconds=bare.cpu_seconds + state["budget"]["cpu_seconds"],
        energy_wh=_both(bare.energy_wh, state["budget"].get("energy_wh")),
    )


def _both(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _rebuilt(config: Config, weights: checkpoint.State) -> ImageGenerator:
    if isinstance(config, DcganConfig):
        plain = dcgan.Generator(config.resolution, config.channels, config.z_dim, config.width)
        plain.load_state_dict(weights)
        return plain
    shape = (config.resolution, config.channels, config.num_classes)
    if isinstance(config, AutoencoderConfig):
        autoencoder = Autoencoder(*shape, config.code_dim, config.components)
        autoencoder.load_state_dict(weights)
        return baked_autoencoder(autoencoder)
    generator = tessera.Generator(*shape, config.z_dim)
    generator.load_state_dict(weights)
    return tessera.baked(generator)
