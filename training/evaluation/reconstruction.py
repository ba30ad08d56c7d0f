"""How much of an image comes back from what a model encodes it into."""

import numpy as np
import torch

from training.networks.generator import ImageGenerator

BATCH = 64


def psnr(images: np.ndarray, others: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of the mean square error over all images uint8 [N, H, W, C] together.

    Infinite for equal images. Raises ValueError for other shapes or none.
    """
    if images.shape != others.shape or images.size == 0:
        raise ValueError(f"images to compare must have one shape, not {images.shape} and {others.shape}")
    error = np.square(images.astype(np.float64) - others).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


@torch.no_grad()
def reconstructed(generator: ImageGenerator, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """forward(encode(x), label) of images uint8 [N, R, R, C] and labels int64 [N] -> uint8 [N, R, R, C].

    generator: on the CPU, with `encode`.
    """
    parts = []
    for start in range(0, len(images), BATCH):
        pixels = torch.from_numpy(np.ascontiguousarray(images[start : start + BATCH])).permute(0, 3, 1, 2)
        z = generator.encode(pixels.float().div(127.5).sub(1.0))  # type: ignore[operator]
        drawn = generator(z, torch.from_numpy(labels[start : start + BATCH]))
        parts.append(drawn.add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(parts)
