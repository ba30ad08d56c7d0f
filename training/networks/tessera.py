"""The default family: a small generator that grows, and upsamples without checkerboards.

At every size from 8x8 on it adds a picture of that size to the enlarged one before it (Karras et al. 2020, StyleGAN2,
section 4), so training may begin with small pictures, at a quarter of the cost for each halving, and grow: a new size
begins as a smooth enlargement, because what it adds is zero at first. There is no normalisation layer: an image depends
on its seed alone.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.generator import ImageGenerator

LEAK = 0.2
GENERATOR_WIDTHS = {4: 256, 8: 192, 16: 96, 32: 48, 64: 24, 128: 16}
RESOLUTIONS = (32, 64, 128)


class Generator(ImageGenerator):
    """z [B, z_dim] float32 standard normal, label [B] int64 in [0, num_classes) -> [B, C, R, R].

    In evaluation mode the images lie in [-1, 1]; in training they may leave it. The label is embedded beside z; with
    num_classes 0 it is not looked at. R is 32, 64 or 128. Training may set `side`, the size that is drawn, lower for a
    while; drawn in full meanwhile, the same picture comes out smoothly enlarged.
    """

    def __init__(self, resolution: int, channels: int, num_classes: int = 0, z_dim: int = 64) -> None:
        super().__init__()
        if resolution not in RESOLUTIONS:
            raise ValueError(f"resolution {resolution}: this family makes 32, 64 or 128 pixels a side")
        self.z_dim = z_dim
        self.num_classes = num_classes
        self.img_resolution = resolution
        self.img_channels = channels
        self.side = resolution
        widths = [width for side, width in GENERATOR_WIDTHS.items() if side <= resolution]
        self.condition: nn.Module = Embedded(num_classes, z_dim) if num_classes else Unconditional()
        self.dense = nn.Linear(z_dim * (2 if num_classes else 1), widths[0] * 16)
        self.first = nn.Sequential(nn.Unflatten(1, (widths[0], 4, 4)), nn.LeakyReLU(LEAK))
        self.stages = nn.ModuleList(Stage(inside, outside, channels) for inside, outside in pairwise(widths))
        for name, parameter in self.stages[1:].named_parameters():
            if ".picture." in name:
                nn.init.zeros_(parameter)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.first(self.dense(self.condition(z, label)))
        images = torch.zeros(1, 1, 1, 1, device=z.device)
        for stage in self.stages:
            if x.shape[2] < self.side:
                x, picture = stage(x)
                if images.shape[2] > 1:
                    images = F.interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False)
                images = images + picture.float()
        # No tanh: it is flat where a background is white, and a young generator that gets there never comes back.
        return images if self.training else images.clamp(-1.0, 1.0)


class Stage(nn.Module):
    """x [B, inside, R, R] -> (x [B, outside, 2R, 2R], what this size adds to the picture [B, channels, 2R, 2R])."""

    def __init__(self, inside: int, outside: int, channels: int) -> None:
        super().__init__()
        self.grow: nn.Module = UpsampleConv(inside, outside)
        self.activate = nn.LeakyReLU(LEAK)
        self.picture = nn.Conv2d(outside, channels, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.activate(self.grow(x))
        return x, self.picture(x)


class Embedded(nn.Module):
    """Lays a learned vector of the class, at the scale of z, beside z: [B, z_dim], [B] -> [B, 2 z_dim]."""

    def __init__(self, num_classes: int, z_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_classes, z_dim)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        vector = self.embedding(label)
        scale = (vector.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        return torch.cat([z, vector * scale], 1)


class Unconditional(nn.Module):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return z


class UpsampleConv(nn.Module):
    """Nearest-neighbour doubling and a 3x3 convolution, computed as the one transposed convolution that equals them.

    Doubling then convolving reads every input pixel four times; summing the 3x3 kernel over the 2x2 block of equal
    pixels first gives a 4x4 kernel of stride 2 and takes 4 products an output instead of 9. Only the 3x3 weights
    are learnt, so the evenness of nearest-neighbour upsampling (no checkerboard) is kept.
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outside, inside, 3, 3) * (2 / (inside * 9)) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(outside))

    def kernel(self) -> Tensor:
        """The 4x4 kernel [inside, outside, 4, 4] of the equal transposed convolution (stride 2, padding 1)."""
        w = self.weight
        summed = F.pad(w, [0, 1, 0, 1]) + F.pad(w, [1, 0, 0, 1]) + F.pad(w, [0, 1, 1, 0]) + F.pad(w, [1, 0, 1, 0])
        return summed.flip([2, 3]).transpose(0, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv_transpose2d(x, self.kernel(), self.bias, stride=2, padding=1)

    def baked(self) -> nn.ConvTranspose2d:
        """The same layer with its kernel summed once, for a generator that is no longer trained."""
        inside, outside = self.weight.shape[1], self.weight.shape[0]
        layer = nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1)
        layer.load_state_dict({"weight": self.kernel().detach(), "bias": self.bias.detach()})
        return layer


def baked(generator: Generator) -> Generator:
    """A generator to publish: every UpsampleConv replaced, in place, by the plain layer that equals it."""
    for stage in generator.stages:
        if isinstance(stage.grow, UpsampleConv):
            stage.grow = stage.grow.baked()
    return generator
