"""The default family: a small generator that upsamples without checkerboards, and a strided discriminator.

Neither has a normalisation layer: the gradient penalties keep the game stable (R3GAN, Huang et al. 2024), and a
generator without batch statistics gives an image that depends on its seed alone.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.networks.generator import ImageGenerator

LEAK = 0.2
GENERATOR_WIDTHS = {4: 256, 8: 192, 16: 96, 32: 48, 64: 24, 128: 16}
DISCRIMINATOR_WIDTHS = (32, 64, 128, 256)
"""Widths of the last four halvings; a larger image gets narrower ones before them."""
DENSE = 256
STD_GROUP = 4


class Generator(ImageGenerator):
    """z [B, z_dim] float32 standard normal, label [B] int64 in [0, num_classes) -> [B, C, R, R].

    In evaluation mode the images lie in [-1, 1]; in training they may leave it.

    The label is embedded beside z; with num_classes 0 it is not looked at. R is 32, 64 or 128.
    """

    def __init__(self, resolution: int, channels: int, num_classes: int = 0, z_dim: int = 64) -> None:
        super().__init__()
        if resolution not in (32, 64, 128):
            raise ValueError(f"resolution {resolution}: this family makes 32, 64 or 128 pixels a side")
        self.z_dim = z_dim
        self.num_classes = num_classes
        self.img_resolution = resolution
        self.img_channels = channels
        widths = [width for side, width in GENERATOR_WIDTHS.items() if side <= resolution]
        self.condition: nn.Module = Embedded(num_classes, z_dim) if num_classes else Unconditional()
        self.dense = nn.Linear(z_dim * (2 if num_classes else 1), widths[0] * 16)
        layers: list[nn.Module] = [nn.Unflatten(1, (widths[0], 4, 4)), nn.LeakyReLU(LEAK)]
        for inside, outside in pairwise(widths):
            layers += [UpsampleConv(inside, outside), nn.LeakyReLU(LEAK)]
        self.synthesis = nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1))

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        features = self.dense(self.condition(z, label))
        images: Tensor = self.synthesis(features)
        images = images.float()
        # No tanh: it is flat where a background is white, and a young generator that gets there never comes back.
        return images if self.training else images.clamp(-1.0, 1.0)


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
    for index, layer in enumerate(generator.synthesis):
        if isinstance(layer, UpsampleConv):
            generator.synthesis[index] = layer.baked()
    return generator


class Discriminator(nn.Module):
    """Images [B, C, R, R] in [-1, 1], label [B] int64 -> logits [B] float32. B must be a multiple of 4.

    Ends in the standard deviation over groups of four images (Karras et al. 2018, section 3) and, with classes, a
    projection of the label (Miyato and Koyama 2018).
    """

    def __init__(self, resolution: int, channels: int, num_classes: int = 0) -> None:
        super().__init__()
        halvings = resolution.bit_length() - 3
        widths = [*[DISCRIMINATOR_WIDTHS[0] // 2] * (halvings - 4), *DISCRIMINATOR_WIDTHS[-halvings:]]
        layers: list[nn.Module] = []
        for inside, outside in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inside, outside, 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
        self.shrink = nn.Sequential(*layers)
        self.compare = nn.Conv2d(widths[-1] + 1, widths[-1], 3, padding=1)
        self.dense = nn.Linear(widths[-1] * 16, DENSE)
        self.output = nn.Linear(DENSE, 1)
        self.embedding = nn.Embedding(num_classes, DENSE) if num_classes else None
        self.apply(_initialise)
        nn.init.normal_(self.output.weight, 0.0, DENSE**-0.5)

    def forward(self, images: Tensor, label: Tensor) -> Tensor:
        x = self.shrink(images)
        x = F.leaky_relu(self.compare(_with_group_deviation(x)), LEAK)
        x = F.leaky_relu(self.dense(x.flatten(1)), LEAK)
        logits = self.output(x).squeeze(1)
        if self.embedding is not None:
            logits = logits + (self.embedding(label) * x).sum(1) * DENSE**-0.5
        result: Tensor = logits.float()
        return result


def _with_group_deviation(x: Tensor) -> Tensor:
    """Adds one channel that tells how much groups of four images of the batch differ."""
    groups = x.reshape(-1, STD_GROUP, *x.shape[1:])
    spread = (groups - groups.mean(1, keepdim=True)).square().mean(1).float().add(1e-8).sqrt().mean((1, 2, 3))
    plane = spread.to(x.dtype).repeat_interleave(STD_GROUP)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, plane], 1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, LEAK)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
