"""Every request of the client as a value: what is sent, and how its answer is read. Both clients share them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import httpx

from tessera_client import answers
from tessera_client.answers import Model, Picture, Tiles
from tessera_client.errors import ServiceError
from tessera_client.fields import (
    ArchiveFields,
    EvolveFields,
    GenerateFields,
    InterpolateFields,
    Label,
    TilesFields,
    VariationsFields,
)

T = TypeVar("T")

_EXTENSIONS = {"png": "png", "webp": "webp", "jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """read: gets the response that succeeded."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    body: Mapping[str, Any] | None = None

    @property
    def request(self) -> dict[str, Any]:
        """Arguments for httpx."""
        return {"method": self.method, "url": self.path, "json": self.body}


def generate(fields: GenerateFields) -> Call[Picture]:
    return Call("POST", "/generate", answers.picture, fields)


def tiles(fields: TilesFields) -> Call[Tiles]:
    return Call("POST", "/generate", answers.tiles, {**fields, "format": "json"})


def batch(requests: Sequence[GenerateFields]) -> Call[list[Picture | ServiceError]]:
    return Call("POST", "/generate/batch", answers.batch, {"requests": list(requests), "format": "json"})


def archive(fields: ArchiveFields) -> Call[None]:
    """Its answer is not read here: it comes in parts."""
    return Call("POST", "/generate/archive", lambda response: None, fields)


def interpolate(seeds: Sequence[int], fields: InterpolateFields) -> Call[Picture]:
    return Call("POST", "/interpolate", answers.picture, {"seeds": list(seeds), **fields})


def variations(seed: int, fields: VariationsFields) -> Call[Picture]:
    return Call("POST", "/variations", answers.picture, {"seed": seed, **fields})


def evolve(liked: Sequence[int], fields: EvolveFields) -> Call[Picture]:
    return Call("POST", "/evolve", answers.picture, {"liked": list(liked), **fields})


def models() -> Call[list[Model]]:
    return Call("GET", "/models", answers.models)


def model(name: str) -> Call[Model]:
    return Call("GET", f"/models/{quote(name, safe='@')}", answers.model)


def image_path(model: str, key: str, form: str, size: int | None, label: Label | None, psi: float | None) -> str:
    """Raises ValueError for a form that is none."""
    if form not in _EXTENSIONS:
        raise ValueError(f"form must be one of {', '.join(_EXTENSIONS)}, not {form!r}")
    given = {name: value for name, value in (("size", size), ("label", label), ("psi", psi)) if value is not None}
    path = f"/images/{quote(model, safe='@')}/{quote(key, safe='')}.{_EXTENSIONS[form]}"
    return f"{path}?{urlencode(given)}" if given else path
