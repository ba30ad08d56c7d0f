"""The tutorial's generator and discriminator (Radford et al. 2015, arXiv:1511.06434), with the shapes made right.

The square is doubled from 4x4 up to the image, so 64x64 takes five layers, 32x32 four and 128x128 six; at 64x64 and
`width` 64 these are the tutorial's networks exactly. See docs/tutorial-errata.md.
"""

import torch
from torch import Tensor, nn

from training.networks.generator import ImageGenerator

LEAK = 0.2


def _multiples(resolution: int) -> list[int]:
    """Channel multiples from 4x4 to half the image: 64 -> [8, 4, 2, 1]."""
    if resolution < 8 or resolution & (resolution - 1):
        raise ValueError(f"resolution {resolution}: dcgan needs a power of two, 8 or more")
    return [2**k for k in reversed(range((resolution // 8).bit_length()))]


class Generator(ImageGenerator):
    """z [B, z_dim] float32, label [B] int64 (unused: the tutorial is unconditional) -> [B, C, R, R] in [-1, 1]."""

    def __init__(self, resolution: int, channels: int, z_dim: int = 100, width: int = 64) -> None:
        super().__init__()
        self.z_dim = z_dim
        self.num_classes = 0
        self.img_resolution = resolution
        self.img_channels = channels
        widths = [width * m for m in _multiples(resolution)]
        layers: list[nn.Module] = []
        for index, (inside, outside) in enumerate(zip([z_dim, *widths], widths, strict=False)):
            stride, padding = (1, 0) if index == 0 else (2, 1)
            layers += [
                nn.ConvTranspose2d(inside, outside, 4, stride, padding, bias=False),
                nn.BatchNorm2d(outside),
                nn.ReLU(inplace=True),
            ]
        self.main = nn.Sequential(*layers, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())
        self.apply(_initialise)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        images: Tensor = self.main(z[:, :, None, None])
        return images


class Discriminator(nn.Module):
    """Images [B, C, R, R] in [-1, 1] -> logits [B] float32 (no sigmoid: the loss works on logits)."""

    def __init__(self, resolution: int, channels: int, width: int = 64) -> None:
        super().__init__()
        widths = [width * m for m in reversed(_multiples(resolution))]
        layers: list[nn.Module] = []
        for index, (inside, outside) in enumerate(zip([channels, *widths], widths, strict=False)):
            layers.append(nn.Conv2d(inside, outside, 4, 2, 1, bias=False))
            if index > 0:
                layers.append(nn.BatchNorm2d(outside))
            layers.append(nn.LeakyReLU(LEAK, inplace=True))
        self.main = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False))
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.main(images)
        return logits.flatten().float()


def _initialise(module: nn.Module) -> None:
    """DCGAN section 4: weights from N(0, 0.02); the scale of a BatchNorm from N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def latents(batch: int, z_dim: int, generator: torch.Generator | None = None) -> Tensor:
    """Standard normal z [batch, z_dim]."""
    return torch.randn(batch, z_dim, generator=generator)
