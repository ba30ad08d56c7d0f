"""Every request of the client as a value: what is sent, and how its answer is read. Both clients share them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import httpx

from tessera_client import answers
from tessera_client.answers import Model, Picture, Reconstruction, Tiles
from tessera_client.errors import ServiceError
from tessera_client.fields import (
    ArchiveFields,
    Code,
    EvolveFields,
    GenerateFields,
    InterpolateFields,
    Label,
    ReconstructFields,
    TilesFields,
    Upload,
    VariationsFields,
)

T = TypeVar("T")

_EXTENSIONS = {"png": "png", "webp": "webp", "jpeg": "jpg"}


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """read: gets the response that succeeded. body: sent as JSON or, beside the file `image`, as fields of a form."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    body: Mapping[str, Any] | None = None
    image: bytes | None = None

    @property
    def request(self) -> dict[str, Any]:
        """Arguments for httpx."""
        where = {"method": self.method, "url": self.path}
        if self.image is None:
            return {**where, "json": self.body}
        return {**where, "data": self.body, "files": {"image": ("image", self.image)}}


def generate(fields: GenerateFields) -> Call[Picture]:
    return Call("POST", "/generate", answers.picture, fields)


def tiles(fields: TilesFields) -> Call[Tiles]:
    return Call("POST", "/generate", answers.tiles, {**fields, "format": "json"})


def batch(requests: Sequence[GenerateFields]) -> Call[list[Picture | ServiceError]]:
    return Call("POST", "/generate/batch", answers.batch, {"requests": list(requests), "format": "json"})


def archive(fields: ArchiveFields) -> Call[None]:
    """Its answer is not read here: it comes in parts."""
    return Call("POST", "/generate/archive", lambda response: None, fields)


def interpolate(points: Sequence[int | Code], fields: InterpolateFields) -> Call[Picture]:
    name = "seeds" if all(isinstance(point, int) for point in points) else "codes"
    sent = [point if isinstance(point, int) else list(point) for point in points]
    return Call("POST", "/interpolate", answers.picture, {name: sent, **fields})


def variations(start: int | Code | Upload, fields: VariationsFields) -> Call[Picture]:
    if isinstance(start, bytes | PathLike):
        return Call("POST", "/variations", answers.picture, fields, _bytes(start))
    body = {"seed": start} if isinstance(start, int) else {"code": list(start)}
    return Call("POST", "/variations", answers.picture, {**body, **fields})


def reconstruct(image: Upload, fields: ReconstructFields) -> Call[Reconstruction]:
    return Call("POST", "/reconstruct", answers.reconstruction, {**fields, "format": "json"}, _bytes(image))


def _bytes(image: Upload) -> bytes:
    return image if isinstance(image, bytes) else Path(image).read_bytes()


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
