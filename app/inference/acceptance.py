"""Does a published generator do what its manifest says? Tried on a few latents before anything else is done with it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from app.inference.latents import latents

_SLACK = 1e-4  # beyond [-1, 1]


@dataclass(frozen=True)
class GeneratorSpec:
    """channels 1, 3 or 4. num_classes 0: unconditional, every label is 0."""

    z_dim: int
    height: int
    width: int
    channels: int
    num_classes: int


def examples(spec: GeneratorSpec, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """z float32 [n, z_dim] of the seeds 0 to n-1 and labels int64 [n] that run through all classes."""
    z = torch.from_numpy(latents(np.arange(n, dtype=np.uint32), spec.z_dim))
    label = torch.arange(n) % max(spec.num_classes, 1)
    return z.to(device), label.to(device)


def check(published: Callable[[Tensor, Tensor], Tensor], spec: GeneratorSpec, device: torch.device) -> None:
    """Raises ValueError with a sentence unless forward(z, label) gives finite float32 [B, C, H, W] in [-1, 1], the same
    each time, for every class."""
    n = max(2, spec.num_classes)
    z, label = examples(spec, n, device)
    try:
        images = published(z, label)
        again = published(z, label)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"the generator does not take z [{n}, {spec.z_dim}] and labels below {max(spec.num_classes, 1)}: {reason}"
        ) from error
    expected = (n, spec.channels, spec.height, spec.width)
    if not isinstance(images, Tensor):
        raise ValueError(f"the generator returns {type(images).__name__}, not a tensor {list(expected)}")
    if tuple(images.shape) != expected or images.dtype != torch.float32:
        raise ValueError(f"the generator makes {images.dtype} {list(images.shape)}, not float32 {list(expected)}")
    if not torch.isfinite(images).all():
        raise ValueError("the generator makes numbers that are not finite")
    if images.abs().max() > 1 + _SLACK:
        raise ValueError(
            f"the generator makes values from {images.min():.3g} to {images.max():.3g}; a picture lies in [-1, 1]"
        )
    if not torch.equal(images, again):
        raise ValueError("the generator makes other images for the same latents each time: it draws random numbers")
