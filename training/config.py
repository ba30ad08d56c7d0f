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
    """The default recipe. Sources: Drifting (Deng et al. 2026, arXiv:2602.04770), Projected GAN (Sauer et al. 2021),
    EXPERIMENTS.md."""

    resolution: int
    channels: int
    num_classes: int = 0
    z_dim: int = 64
    batch_size: int = 32
    lr: float = 6e-4
    beta1: float = 0.5
    beta2: float = 0.99
    warm_up_steps: int = 50
    decay_from: float = 0.5
    """The share of the budget after which the learning rate falls along a cosine, to `final_lr` of itself."""
    final_lr: float = 0.125
    heads_weight: float = 0.15
    """Weight of the judgement by the heads on frozen features, beside the drift."""
    heads_share: int = 2
    """The heads look at every so-many-th image of a batch only."""
    grow_at: tuple[float, ...] = ()
    """The shares of the budget at which the side of the pictures doubles, the last time to `resolution`."""
    ema_half_life: float = 10_000.0
    """Half-life of the published average, in images, once training is old enough (training/ema.py)."""


GROW_AT = {32: (), 64: (0.5,), 128: (0.25, 0.6)}
"""From 32x32 on: a picture of half the side costs a quarter, and what it teaches stays true."""


def tessera_config(resolution: int, channels: int, num_classes: int) -> TesseraConfig:
    return TesseraConfig(resolution, channels, num_classes, grow_at=GROW_AT[resolution])
