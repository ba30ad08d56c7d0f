"""Every hyperparameter, its default and where the default comes from. Frozen: a run's options never change under it."""

from dataclasses import dataclass, replace


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


@dataclass(frozen=True)
class AutoencoderConfig:
    """The autoencoder. Sources: RAE (Ghosh et al. 2020), EXPERIMENTS.md."""

    resolution: int
    channels: int
    num_classes: int = 0
    code_dim: int = 64
    components: int = 10
    """Gaussians in the prior of a class, at most (RAE, section 5)."""
    prior_codes: int = 4096
    """The prior is fitted to the codes of so many images, those seen last."""
    batch_size: int = 32
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.99
    warm_up_steps: int = 50
    decay_from: float = 0.3
    final_lr: float = 0.02
    feature_weight: float = 0.1
    feature_share: int = 2
    """The frozen network looks at every so-many-th image of a batch only: it is half of a step's cost."""
    code_weight: float = 1e-4
    noise: float = 0.1
    """Standard deviation of what is added to every number of a code."""


@dataclass(frozen=True)
class EncoderConfig:
    """An encoder for a finished generator."""

    batch_size: int = 32
    lr: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.99
    warm_up_steps: int = 50
    decay_from: float = 0.3
    final_lr: float = 0.02
    pixel_weight: float = 2.0
    feature_weight: float = 0.2
    feature_share: int = 2
    """As in AutoencoderConfig."""


Config = DcganConfig | TesseraConfig | AutoencoderConfig

GROW_AT = {32: (), 64: (0.5,), 128: (0.25, 0.6)}
"""From 32x32 on: a picture of half the side costs a quarter, and what it teaches stays true."""


def tessera_config(resolution: int, channels: int, num_classes: int) -> TesseraConfig:
    return TesseraConfig(resolution, channels, num_classes, grow_at=GROW_AT[resolution])


COMPONENTS_IN_ALL = 200
"""Over all classes: each holds a matrix of code_dim squared, in the published file too."""
CODES_A_CLASS = 64


def autoencoder_config(resolution: int, channels: int, num_classes: int) -> AutoencoderConfig:
    """The autoencoder with a prior that has room for so many classes."""
    default = AutoencoderConfig(resolution, channels, num_classes)
    return replace(
        default,
        components=max(1, min(default.components, COMPONENTS_IN_ALL // max(1, num_classes))),
        prior_codes=max(default.prior_codes, CODES_A_CLASS * num_classes),
    )
