"""manifest.json as objects; models/manifest.schema.json says the same, and a test holds the two together."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from app.errors import ModelRejected
from app.registry.document import schema_version, sentence
from app.registry.files import MAX_MANIFEST_BYTES, read

SCHEMA_VERSION = 1
NAME = r"[a-z0-9][a-z0-9-]{0,62}"
MAX_VERSION = 999_999_999
FILE = "manifest.json"

FileName = Literal["generator.pt", "golden.png", "preview.png", "MODEL_CARD.md"]
MAX_BYTES: dict[FileName, int] = {
    "generator.pt": 2**30,
    "golden.png": 2**26,
    "preview.png": 2**28,
    "MODEL_CARD.md": 2**20,
}

_RFC3339 = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Amount = Annotated[float, Field(ge=0, le=1e15)]
Score = Annotated[float, Field(ge=-1e15, le=1e15)]
Side = Annotated[int, Field(ge=1, le=1024)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ClassName = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]

_T = TypeVar("_T")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FileFacts(_Part):
    """bytes: size of the file."""

    sha256: Sha256
    bytes: Annotated[int, Field(ge=1, le=2**53 - 1)]


class Latent(_Part):
    """mean: where truncation pulls to, `dim` numbers; None: the origin."""

    dim: Annotated[int, Field(ge=1, le=4096)]
    distribution: Literal["normal"]
    mean: Annotated[tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...], Field(min_length=1, max_length=4096)] | None

    @model_validator(mode="after")
    def _as_many_as_dimensions(self) -> Self:
        if self.mean is not None and len(self.mean) != self.dim:
            raise ValueError(f"mean has {len(self.mean)} numbers, dim is {self.dim}")
        return self


class Image(_Part):
    height: Side
    width: Side
    channels: Annotated[int, Field(ge=1, le=4)]

    @field_validator("channels")
    @classmethod
    def _grey_rgb_or_rgba(cls, channels: int) -> int:
        # Not a Literal: to that, true is 1.
        if channels == 2:
            raise ValueError("should be 1, 3 or 4")
        return channels


class Golden(_Part):
    """What golden.png shows. labels: class indices, one a seed, or None; tolerance: levels of 0..255."""

    seeds: Annotated[tuple[Annotated[int, Field(ge=0, le=2**32 - 1)], ...], Field(min_length=1, max_length=64)]
    labels: Annotated[tuple[Annotated[int, Field(ge=0, le=999)], ...], Field(min_length=1, max_length=64)] | None
    columns: Annotated[int, Field(ge=1, le=64)]
    padding: Annotated[int, Field(ge=0, le=0)]
    tolerance: Annotated[int, Field(ge=0, le=16)]

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        return _unique(seeds)


class DatasetFacts(_Part):
    """count: images in all; held_out: how many of them training never saw."""

    name: Line
    sha256: Sha256
    count: Annotated[int, Field(ge=1, le=2**53 - 1)]
    held_out: Count

    @model_validator(mode="after")
    def _some_to_train_on(self) -> Self:
        if self.held_out >= self.count:
            raise ValueError(f"held_out is {self.held_out} of {self.count} images; none would be left to train on")
        return self


class Training(_Part):
    dataset: DatasetFacts
    recipe: Line
    config: Annotated[dict[str, JsonValue], Field(max_length=1000)]
    seed: Count
    images_seen: Count
    seconds: Amount
    cpu_hours: Amount
    gpu_hours: Amount = 0.0
    energy_wh: Amount | None = None
    commit: Annotated[str, StringConstraints(max_length=100)]
    device: Line
    versions: Annotated[dict[str, Annotated[str, StringConstraints(max_length=200)]], Field(max_length=200)]


class Metric(_Part):
    """floor: the same measure of held-out against training images; extractor_sha256: the network it sees through."""

    value: Score
    floor: Score | None
    extractor_sha256: Sha256 | None


class Memorisation(_Part):
    verdict: Literal["not-audited", "passed", "failed"]
    summary: Annotated[str, StringConstraints(max_length=4000)]


class Licence(_Part):
    """SPDX expressions."""

    data: Line
    weights: Line


class Manifest(_Part):
    """One published model. Immutable, and valid once it exists."""

    schema_version: Literal[1]
    format: Literal["torchscript"]
    name: Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
    version: Annotated[int, Field(ge=1, le=MAX_VERSION)]
    family: Literal["tessera-gan", "dcgan", "autoencoder"]
    created: Annotated[str, StringConstraints(max_length=40, pattern=_RFC3339)]
    files: dict[FileName, FileFacts]
    latent: Latent
    image: Image
    classes: Annotated[tuple[ClassName, ...], Field(max_length=1000)]
    capabilities: tuple[Literal["generate", "encode"], ...]
    golden: Golden
    training: Training
    metrics: Annotated[
        dict[Annotated[str, StringConstraints(min_length=1, max_length=100)], Metric], Field(max_length=100)
    ]
    memorisation: Memorisation
    licence: Licence

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads folder/manifest.json and nothing else. Raises ModelRejected with a sentence."""
        data = read(folder / FILE, MAX_MANIFEST_BYTES)
        try:
            version = schema_version(data)
        except ValueError as error:
            raise ModelRejected(folder, f"{FILE} is not valid JSON ({error}); publish the model again") from error
        if version != SCHEMA_VERSION or isinstance(version, bool):
            raise ModelRejected(
                folder,
                f"{FILE} has schema_version {version!r:.40}, this service reads {SCHEMA_VERSION}; "
                "publish the model again with the matching release, or change the release of the service",
            )
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise ModelRejected(folder, f"{FILE}: {sentence(error)}; publish the model again") from error

    @property
    def ref(self) -> str:
        """`name@version`"""
        return f"{self.name}@{self.version}"

    @field_validator("created")
    @classmethod
    def _a_real_date(cls, created: str) -> str:
        datetime.fromisoformat(created)
        return created

    @field_validator("files")
    @classmethod
    def _all_files(cls, files: dict[FileName, FileFacts]) -> dict[FileName, FileFacts]:
        for name, limit in MAX_BYTES.items():
            if name not in files:
                raise ValueError(f"{name} is not listed")
            if files[name].bytes > limit:
                raise ValueError(f"{name} would have {files[name].bytes} bytes, more than the {limit} allowed")
        return files

    @field_validator("classes")
    @classmethod
    def _different(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        return _unique(classes)

    @field_validator("capabilities")
    @classmethod
    def _known_set(cls, capabilities: tuple[str, ...]) -> tuple[str, ...]:
        if capabilities not in (("generate",), ("generate", "encode")):
            raise ValueError('must be ["generate"] or ["generate", "encode"]')
        return capabilities

    @model_validator(mode="after")
    def _labels_fit_classes(self) -> Self:
        labels, seeds, classes = self.golden.labels, self.golden.seeds, len(self.classes)
        if (labels is None) != (classes == 0):
            raise ValueError("golden.labels must be null exactly when classes is empty")
        if labels is not None and (len(labels) != len(seeds) or max(labels) >= classes):
            raise ValueError(f"golden.labels must hold one index below {classes} for each of {len(seeds)} seeds")
        return self


def _unique(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if len(set(values)) != len(values):
        raise ValueError("holds something twice")
    return values
