"""The autoencoder family: images -> codes -> images, and a prior that makes codes of a standard normal z."""

from torch import Tensor

from training.networks.encoder import Encoder
from training.networks.generator import ImageGenerator
from training.networks.prior import CodePrior
from training.networks.tessera import Generator, baked


class Autoencoder(ImageGenerator):
    """forward: z [B, code_dim + 1], label [B] -> images, by way of the prior. encode: images -> z, its inverse.

    The decoder sees the code and no label: with classes, the label chooses the prior that a seed is drawn from. So
    forward(encode(x), label) resembles x whatever the label is.
    """

    def __init__(self, resolution: int, channels: int, num_classes: int, code_dim: int, components: int) -> None:
        super().__init__()
        self.z_dim = code_dim + 1
        self.num_classes = num_classes
        self.img_resolution = resolution
        self.img_channels = channels
        self.encoder = Encoder(resolution, channels, code_dim)
        self.prior = CodePrior(code_dim, num_classes, components)
        self.decoder = Generator(resolution, channels, z_dim=code_dim)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        images: Tensor = self.decoder(self.prior(z, label), label)
        return images

    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.prior.encode(self.encoder(x))
        return z

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """-> codes [B, code_dim] and images: the way without the prior, which training takes."""
        codes: Tensor = self.encoder(x)
        images: Tensor = self.decoder(codes, codes[:, 0].long())
        return codes, images


def baked_autoencoder(autoencoder: Autoencoder) -> Autoencoder:
    """As it is published: with the decoder's layers in their plain form."""
    baked(autoencoder.decoder)
    return autoencoder
