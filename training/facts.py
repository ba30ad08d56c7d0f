"""What is known about a finished generator besides its weights: the blocks of the manifest that people fill in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["not-audited", "passed", "failed"]


@dataclass(frozen=True)
class Dataset:
    """sha256: of the decoded images. count: images in all; held_out: how many of them training never saw."""

    name: str
    sha256: str
    count: int
    held_out: int


@dataclass(frozen=True)
class Metric:
    """floor: the same measure of held-out against training images. extractor_sha256: the network it sees through."""

    value: float
    floor: float | None = None
    extractor_sha256: str | None = None


@dataclass(frozen=True)
class Memorisation:
    verdict: Verdict = "not-audited"
    summary: str = ""


@dataclass(frozen=True)
class TrainingFacts:
    """classes: names in the order of the labels, () for an unconditional generator.

    latent_mean: where truncation pulls to, None for the origin. config: anything JSON. commit: "" if unknown.
    energy_wh: watt hours, None where the host could not tell.
    """

    family: Literal["tessera-gan", "dcgan", "autoencoder"]
    dataset: Dataset
    recipe: str
    config: Mapping[str, Any]
    seed: int
    images_seen: int
    seconds: float
    cpu_hours: float
    commit: str
    device: str
    versions: Mapping[str, str]
    classes: tuple[str, ...] = ()
    gpu_hours: float = 0.0
    energy_wh: float | None = None
    latent_mean: tuple[float, ...] | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    memorisation: Memorisation = field(default_factory=Memorisation)
