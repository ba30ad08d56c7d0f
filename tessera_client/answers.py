"""What a service gives: pictures, single images, models. Read from responses, nothing is asked here."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import httpx

from tessera_client import errors
from tessera_client.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Picture:
    """One file: a grid, an animation or, with format zip, an archive. seeds: one an image, in their order."""

    content: bytes
    media_type: str
    model: str
    seeds: Sequence[int]
    request_id: str = ""

    def save(self, path: str | PathLike[str]) -> Path:
        return _written(path, self.content)


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG file that carries its own recipe. label: None for a model without classes."""

    png: bytes
    seed: int
    label: str | None

    def save(self, path: str | PathLike[str]) -> Path:
        return _written(path, self.png)


@dataclass(frozen=True, slots=True)
class Tiles(Sequence[Image]):
    """Single images. digest: of the generator; with a seed and the parameters it fixes the pixels."""

    images: Sequence[Image]
    model: str
    digest: str
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> Any:
        return self.images[index]

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """png: an upload as the model sees it. code: its latent vector, which means something to this digest only."""

    png: bytes
    code: Sequence[float]
    label: str | None
    model: str
    digest: str

    def save(self, path: str | PathLike[str]) -> Path:
        return _written(path, self.png)


@dataclass(frozen=True, slots=True)
class Model:
    """ref: `name@version`. details: all that the service says of it, `engine` and `manifest` if it was asked alone."""

    ref: str
    name: str
    version: int
    default: bool
    digest: str
    height: int
    width: int
    channels: int
    classes: Sequence[str]
    capabilities: Sequence[str]
    details: Mapping[str, Any]


def picture(response: httpx.Response) -> Picture:
    headers = response.headers
    return Picture(
        content=response.content,
        media_type=headers.get("content-type", ""),
        model=headers.get("x-tessera-model", ""),
        seeds=seeds(headers.get("x-tessera-seeds", "")),
        request_id=headers.get("x-request-id", ""),
    )


def tiles(response: httpx.Response) -> Tiles:
    content = response.json()
    images = [Image(b64decode(image["b64_png"]), image["seed"], image["label"]) for image in content["images"]]
    return Tiles(images, content["model"], content["digest"], content["width"], content["height"])


def reconstruction(response: httpx.Response) -> Reconstruction:
    content = response.json()
    about = {name: content[name] for name in ("code", "label", "model", "digest")}
    return Reconstruction(b64decode(content["b64_png"]), **about)


def batch(response: httpx.Response) -> list[Picture | ServiceError]:
    identity = response.headers.get("x-request-id", "")
    return [_result(result, identity) for result in response.json()["results"]]


def _result(result: dict[str, Any], identity: str) -> Picture | ServiceError:
    if result.get("problem"):
        return errors.of_problem(result["problem"], identity=identity)
    return Picture(b64decode(result["b64"]), result["media_type"], result["model"], result["seeds"], identity)


def models(response: httpx.Response) -> list[Model]:
    return [_model(facts) for facts in response.json()["models"]]


def model(response: httpx.Response) -> Model:
    return _model(response.json())


def _model(facts: dict[str, Any]) -> Model:
    same = {name: facts[name] for name in ("ref", "name", "version", "default", "digest", "classes", "capabilities")}
    return Model(**same, **facts["image"], details=facts)


def seeds(header: str) -> list[int]:
    """X-Tessera-Seeds, `7,9,100-163`, as a list."""
    found: list[int] = []
    for part in filter(None, header.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _written(path: str | PathLike[str], content: bytes) -> Path:
    Path(path).write_bytes(content)
    return Path(path)
