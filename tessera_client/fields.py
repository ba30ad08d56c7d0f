"""The fields of each request, as keyword arguments. A test compares them with the service's OpenAPI document."""

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypeAlias, TypedDict

Label: TypeAlias = int | str
File: TypeAlias = Literal["png", "webp", "jpeg"]
Code: TypeAlias = Sequence[float]
Upload: TypeAlias = bytes | PathLike[str]
Form: TypeAlias = Literal["png", "webp", "jpeg", "json", "zip"]


class _Model(TypedDict, total=False):
    model: str
    truncation_psi: float
    scale: int


class _Grid(_Model, total=False):
    columns: int
    padding: int
    background: str
    timeout_ms: int


class TilesFields(_Grid, total=False):
    n: int
    seed: int
    seeds: Sequence[int]
    label: Label
    prompt: str
    labels: Sequence[Label]


class GenerateFields(TilesFields, total=False):
    format: Form


class ArchiveFields(_Model, total=False):
    n: int
    seed: int
    seeds: Sequence[int]
    label: Label
    labels: Sequence[Label]
    balanced: bool
    folders: bool


class InterpolateFields(_Grid, total=False):
    n: int
    label: Label
    prompt: str
    loop: bool
    layout: Literal["strip", "grid", "animation"]
    frame_ms: int
    format: Literal["png", "webp", "jpeg", "apng"]


class VariationsFields(_Grid, total=False):
    n: int
    label: Label
    prompt: str
    strength: float
    variation_seed: int
    format: Form
    fit: Literal["crop", "pad"]  # of an upload only


class EvolveFields(_Grid, total=False):
    n: int
    label: Label
    prompt: str
    disliked: Sequence[int]
    strength: float
    seed: int
    format: Form


class ReconstructFields(_Model, total=False):
    background: str
    timeout_ms: int
    label: Label
    prompt: str
    fit: Literal["crop", "pad"]
