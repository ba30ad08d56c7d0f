"""What every family's generator is: a module that says what it takes and what it draws."""

from torch import nn


class ImageGenerator(nn.Module):
    """forward(z [B, z_dim] float32, label [B] int64) -> [B, img_channels, img_resolution, img_resolution] in [-1, 1].

    num_classes 0: unconditional, the label is not looked at.
    """

    z_dim: int
    num_classes: int
    img_resolution: int
    img_channels: int
