"""Every hyperparameter, its default and where the default comes from. Frozen: a run's options never change under it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DcganConfig:
    """The tutorial's numbers (Radford et al. 2015, section 4)."""

    resolution: int
    channels: int
    z_dim: int = 100
    width: int = 64
    """ngf and ndf: feature maps before the last and after the first layer."""
    batch_size: int = 128
    lr: float = 2e-4
    beta1: float = 0.5
    beta2: float = 0.999


@dataclass(frozen=True)
class TesseraConfig:
    """The default recipe. Sources: R3GAN (Huang et al. 2024), Projected GAN (Sauer et al. 2021), EXPERIMENTS.md."""

    resolution: int
    channels: int
    num_classes: int = 0
    z_dim: int = 64
    batch_size: int = 32
    lr: float = 4e-4
    beta1: float = 0.0
    """No momentum (R3GAN): the opponent has moved by the next step."""
    beta2: float = 0.99
    warm_up_steps: int = 50
    decay_from: float = 0.5
    """The share of the budget after which the learning rate falls along a cosine, to `final_lr` of itself."""
    final_lr: float = 0.125
    gamma: float = 0.5
    """Weight of the gradient penalties; found by experiment at 64 pixels."""
    penalty_every: int = 4
    """The penalties come every so many steps, at so many times their weight (StyleGAN2's lazy regularisation)."""
    feature_weight: float = 1.0
    """Weight of the judgement by frozen features in the generator's loss at first: it cleans pictures quickly ..."""
    feature_weight_final: float = 0.2
    """... and holds back variety later, so it falls, over the share `feature_fade` of the budget, to this."""
    feature_fade: float = 0.6
    feature_share: int = 2
    """The frozen network looks at every so-many-th image of a batch only: it is half of a step's cost."""
    ema_half_life: float = 10_000.0
    """Half-life of the published average, in images, once training is old enough (training/ema.py)."""
    augment: float = 0.0
    """Share of images that are augmented before the discriminators see them; for small data sets."""


AUGMENT_BELOW = 4000
"""With fewer images than this a discriminator learns the set by heart within half an hour: augment."""


def tessera_config(count: int, resolution: int, channels: int, num_classes: int) -> TesseraConfig:
    """The default recipe sized for a folder of `count` training images."""
    return TesseraConfig(resolution, channels, num_classes, augment=1.0 if count < AUGMENT_BELOW else 0.0)
