"""The fields of each request, as keyword arguments. A test compares them with the service's OpenAPI document."""

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypedDict

Label: TypeAlias = int | str
File: TypeAlias = Literal["png", "webp", "jpeg"]


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
    labels: Sequence[Label]


class GenerateFields(TilesFields, total=False):
    format: Literal["png", "webp", "jpeg", "json", "zip"]


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
    loop: bool
    layout: Literal["strip", "grid", "animation"]
    frame_ms: int
    format: File


class VariationsFields(_Grid, total=False):
    n: int
    label: Label
    strength: float
    variation_seed: int
    format: File


class EvolveFields(_Grid, total=False):
    n: int
    label: Label
    disliked: Sequence[int]
    strength: float
    seed: int
    format: File
