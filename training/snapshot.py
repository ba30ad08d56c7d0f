"""A finished or stopped run read back: its generator ready to draw, and what it took to get there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training import checkpoint
from training import run as runs
from training.config import DcganConfig
from training.fit import config_of
from training.networks import dcgan, tessera
from training.networks.generator import ImageGenerator

DRAW_BATCH = 64


@dataclass(frozen=True)
class Snapshot:
    """generator: eval mode, float32, CPU. seconds and cpu_seconds: training time, over all resumptions."""

    generator: ImageGenerator
    options: dict[str, Any]
    images_seen: int
    seconds: float
    cpu_seconds: float


def load_generator(run: Path) -> Snapshot:
    """The published generator of a run's latest checkpoint.

    Raises FileNotFoundError when `run` is no run folder, CheckpointError when it has no readable checkpoint.
    """
    options = runs.read_options(run)
    path = checkpoint.latest(run)
    if path is None:
        raise checkpoint.CheckpointError(f"{run}: no readable checkpoint yet; train a little longer")
    state = checkpoint.read(path)
    config = config_of(options)
    generator: ImageGenerator
    if isinstance(config, DcganConfig):
        generator = dcgan.Generator(config.resolution, config.channels, config.z_dim, config.width)
        generator.load_state_dict(state["recipe"]["generator"])
    else:
        shape = (config.resolution, config.channels, config.num_classes)
        trained = tessera.Generator(*shape, config.z_dim)
        trained.load_state_dict(state["recipe"]["average"])
        generator = tessera.baked(trained)
    budget = state["budget"]
    return Snapshot(
        generator.eval().requires_grad_(False),
        options,
        budget["images_seen"],
        budget["seconds"],
        budget["cpu_seconds"],
    )


@torch.no_grad()
def draw(generator: ImageGenerator, count: int, labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """`count` images uint8 [count, R, R, C]; labels are drawn from `labels` int64 [M]: classes keep their shares."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(count, generator.z_dim, generator=random)
    chosen = torch.from_numpy(labels)[torch.randint(0, len(labels), (count,), generator=random)]
    parts = [generator(*pair) for pair in zip(z.split(DRAW_BATCH), chosen.split(DRAW_BATCH), strict=True)]
    pixels = torch.cat(parts).add(1).mul(127.5).round().clamp(0, 255).byte()
    return pixels.permute(0, 2, 3, 1).contiguous().numpy()
