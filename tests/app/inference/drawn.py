"""What is asked of an engine on any device, and how its images are judged."""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from app.inference.acceptance import GeneratorSpec
from app.inference.engine import Engine
from app.inference.latents import latents

Images = npt.NDArray[np.uint8]
Latents = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def order(spec: GeneratorSpec, n: int, first: int = 0) -> tuple[Latents, Labels]:
    """z and labels of n seeds in a row."""
    seeds = np.arange(first, first + n, dtype=np.uint32)
    return latents(seeds, spec.z_dim), seeds.astype(np.int64) % max(spec.num_classes, 1)


def levels_off(images: Images, network: nn.Module, z: Latents, label: Labels) -> float:
    """How far the worst value is from what `network` gives on the CPU, in unrounded levels of 0 to 255."""
    with torch.inference_mode():
        floats = network(torch.from_numpy(z), torch.from_numpy(label))
    exact = np.clip((floats.double().numpy().transpose(0, 2, 3, 1) + 1) * 127.5, 0, 255)
    return float(np.abs(images - exact).max())


def assert_same_in_every_batch(engine: Engine, spec: GeneratorSpec) -> None:
    z, label = order(spec, 40)
    alone = np.concatenate([engine.forward(z[i : i + 1], label[i : i + 1]) for i in range(40)])
    for size in (2, 3, 5, 16, 17, 33, 40):
        for start in range(0, 40 - size + 1, 3):
            rows = slice(start, start + size)
            np.testing.assert_array_equal(engine.forward(z[rows], label[rows]), alone[rows])
