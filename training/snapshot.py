"""A finished or stopped run read back: its generator ready to draw, and what it took to get there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import checkpoint
from training import run as runs
from training.config import DcganConfig
from training.fit import config_of
from training.networks import dcgan, tessera
from training.networks.generator import ImageGenerator


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
    """The published generator of a run: of its best moment (training/best.py), before there is one of the latest.

    Raises FileNotFoundError when `run` is no run folder, CheckpointError when it has no readable checkpoint.
    """
    options = runs.read_options(run)
    path = checkpoint.latest(run)
    if path is None:
        raise checkpoint.CheckpointError(f"{run}: no readable checkpoint yet; train a little longer")
    state = checkpoint.read(path)
    best, config, budget = state.get("best", {}), config_of(options), state["budget"]
    generator: ImageGenerator
    if isinstance(config, DcganConfig):
        generator = dcgan.Generator(config.resolution, config.channels, config.z_dim, config.width)
        generator.load_state_dict(best.get("published") or state["recipe"]["generator"])
    else:
        shape = (config.resolution, config.channels, config.num_classes)
        trained = tessera.Generator(*shape, config.z_dim)
        trained.load_state_dict(best.get("published") or state["recipe"]["average"])
        generator = tessera.baked(trained)
    return Snapshot(
        generator.eval().requires_grad_(False),
        options,
        best.get("images_seen", budget["images_seen"]),
        budget["images_seen"],
        budget["seconds"],
        budget["cpu_seconds"],
        budget.get("energy_wh"),
    )
