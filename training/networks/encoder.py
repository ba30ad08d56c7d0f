"""From an image back to numbers: what an autoencoder's code, or the latent of a finished generator, is read from."""

from torch import Tensor, nn

from training.networks.generator import ImageGenerator

LEAK = 0.2
WIDTHS = (32, 64, 128, 256)
"""Widths of the last four halvings; a larger image gets narrower ones before them."""


class Encoder(nn.Module):
    """Images [B, C, R, R] in [-1, 1], R 32 or more -> [B, dim] float32. Strided convolutions down to 4x4, one dense
    layer."""

    def __init__(self, resolution: int, channels: int, dim: int) -> None:
        super().__init__()
        halvings = resolution.bit_length() - 3
        widths = [*[WIDTHS[0] // 2] * (halvings - 4), *WIDTHS[-halvings:]]
        layers: list[nn.Module] = []
        for inside, outside in zip([channels, *widths], widths, strict=False):
            layers += [nn.Conv2d(inside, outside, 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
        self.shrink = nn.Sequential(*layers)
        self.dense = nn.Linear(widths[-1] * 16, dim)
        self.shrink.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.dense(self.shrink(images).flatten(1))
        return codes.float()


class EncodedGenerator(ImageGenerator):
    """A finished generator and an encoder that was trained for it: what `add-encoder` publishes.

    encode [B, C, R, R] -> z [B, z_dim]: forward(encode(x), label) resembles x where label is the class of x. z says
    nothing of the class, for the generator was trained on every z with every class: with another label, forward draws
    what that class has in the place of x.
    """

    def __init__(self, generator: ImageGenerator, encoder: Encoder) -> None:
        super().__init__()
        self.z_dim = generator.z_dim
        self.num_classes = generator.num_classes
        self.img_resolution = generator.img_resolution
        self.img_channels = generator.img_channels
        self.generator = generator
        self.encoder = encoder

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        images: Tensor = self.generator(z, label)
        return images

    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.encoder(x)
        return z


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, LEAK)
        assert module.bias is not None
        nn.init.zeros_(module.bias)
