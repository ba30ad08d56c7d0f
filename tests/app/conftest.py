"""A registry of painted models: no torch, no thread, but images that depend on seed and label as real ones do."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import NotLoaded, TesseraError, UnknownModel
from app.inference.backlog import Backlog
from app.inference.jobs import Spent

SIDE = 8


@dataclass
class PaintedBatcher:
    """Answers at once, unless `gate` is an event to wait for or `failure` an error to raise."""

    channels: int = 3
    gate: asyncio.Event | None = None
    failure: TesseraError | None = None
    backlog: Backlog = field(default_factory=Backlog)
    images_per_second: float = 1000.0
    working_for: float = 0.0
    cancelled: int = 0
    charged: list[str] = field(default_factory=list)
    asked: list[SimpleNamespace] = field(default_factory=list)
    encoded: list[SimpleNamespace] = field(default_factory=list)

    def charge_refusal(self, client):
        self.charged.append(client)

    async def submit(
        self, z: NDArray[np.float32], label: NDArray[np.int64], *, deadline: float, client: str, spent: Spent
    ) -> NDArray[np.uint8]:
        spent.queue, spent.infer = 0.25, 0.125
        self.asked.append(SimpleNamespace(z=z, label=label, deadline=deadline, client=client))
        if self.failure is not None:
            raise self.failure
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.cancelled += len(z)
                raise
        return paint(z, label, self.channels)

    async def encode(self, images: NDArray[np.uint8], *, deadline: float, client: str) -> NDArray[np.float32]:
        self.encoded.append(SimpleNamespace(images=images, deadline=deadline, client=client))
        if self.failure is not None:
            raise self.failure
        return code(images)


def code(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The first row of pixels; what it has not, is zero."""
    z = np.zeros((len(images), SIDE * 4), np.float32)
    row = images[:, 0].reshape(len(images), -1)
    z[:, : row.shape[1]] = row / 127.5 - 1
    return z


def paint(z: NDArray[np.float32], label: NDArray[np.int64], channels: int) -> NDArray[np.uint8]:
    rows = z[:, : SIDE * channels].reshape(-1, 1, SIDE, channels) + label.reshape(-1, 1, 1, 1)
    fade = np.linspace(0.5, 1.0, SIDE, dtype=np.float32).reshape(1, SIDE, 1, 1)
    return np.clip((rows * fade + 1) * 127.5, 0, 255).astype(np.uint8)


def painted(
    name: str, version: int = 1, classes: tuple[str, ...] = (), channels: int = 3, encodes: bool = False
) -> SimpleNamespace:
    manifest = SimpleNamespace(
        name=name,
        version=version,
        ref=f"{name}@{version}",
        family="tessera-gan",
        created="2026-01-02T03:04:05Z",
        latent=SimpleNamespace(dim=SIDE * 4, distribution="normal", mean=None),
        image=SimpleNamespace(height=SIDE, width=SIDE, channels=channels),
        classes=list(classes),
        capabilities=["generate", "encode"] if encodes else ["generate"],
        model_dump=lambda mode: {"name": name, "version": version},
    )
    engine = SimpleNamespace(
        device_class="cpu", batching="natural", buckets=(1, 2, 4), images_per_second=1000.0, fallback=""
    )
    batcher = PaintedBatcher(channels)
    return SimpleNamespace(manifest=manifest, digest="ab" * 32, engine=engine, batcher=batcher, filtered=None)


class PaintedRegistry:
    def __init__(self, *served: SimpleNamespace) -> None:
        self.served = list(served)
        self.exchanges = 1
        self.refused = () if served else (SimpleNamespace(model="models", reason="no model lies here"),)

    def get(self, ref: str | None) -> Any:
        if not self.served:
            raise NotLoaded("no model is loaded", 60)
        for served in reversed(self.served):
            name = served.manifest.name
            if ref in (None, name, f"{name}@{served.manifest.version}"):
                return served
        raise UnknownModel(f"no model {ref!r}", "model")

    async def reload(self) -> None: ...

    async def drain(self) -> None: ...

    def stop(self) -> None: ...

    def models(self) -> list[Any]:
        return self.served


@pytest.fixture(scope="session")
def paint_model() -> Any:
    return painted


@pytest.fixture(scope="session")
def paint_registry() -> Any:
    return PaintedRegistry


@pytest.fixture(scope="session")
def paint_images() -> Any:
    return paint


@pytest.fixture
def kitchen() -> Any:
    from tests.app.kitchen import Kitchen  # not above: tests/e2e/painted_service.py reads this file by itself

    fashion, avatars = painted("fashion", classes=("shirt", "shoe", "bag")), painted("avatars")
    return Kitchen(PaintedRegistry(fashion, avatars), fashion, avatars)
