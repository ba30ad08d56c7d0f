"""The client for programs that wait for an answer."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from tessera_client import calls, partial
from tessera_client.answers import Model, Picture, Reconstruction, Tiles
from tessera_client.base import Base
from tessera_client.calls import Call
from tessera_client.errors import ServiceError
from tessera_client.fields import (
    ArchiveFields,
    Code,
    EvolveFields,
    GenerateFields,
    InterpolateFields,
    ReconstructFields,
    TilesFields,
    Upload,
    VariationsFields,
)

T = TypeVar("T")


class Client(Base):
    """A service at `url`; safe to share between threads.

    patience_s: how long in all a call goes on asking when the service says when to come back. timeout_s: how long the
    connection may be silent. transport: httpx's, for tests and unusual networks.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        patience_s: float = 60.0,
        timeout_s: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(url, patience_s)
        self._http = httpx.Client(**self._options(api_key, timeout_s), transport=transport)

    def generate(self, **fields: Unpack[GenerateFields]) -> Picture:
        """A grid of images as one file."""
        return self._ask(calls.generate(fields))

    def tiles(self, **fields: Unpack[TilesFields]) -> Tiles:
        """The images one by one."""
        return self._ask(calls.tiles(fields))

    def batch(self, requests: Sequence[GenerateFields]) -> list[Picture | ServiceError]:
        """Several requests in one call. One that fails has its error in its place, which is not raised."""
        return self._ask(calls.batch(requests))

    def interpolate(self, points: Sequence[int | Code], **fields: Unpack[InterpolateFields]) -> Picture:
        """The way from seed to seed, or code to code."""
        return self._ask(calls.interpolate(points, fields))

    def variations(self, start: int | Code | Upload, **fields: Unpack[VariationsFields]) -> Picture:
        """Images around that of a seed or code, or around an upload (its bytes, or a path)."""
        return self._ask(calls.variations(start, fields))

    def reconstruct(self, image: Upload, **fields: Unpack[ReconstructFields]) -> Reconstruction:
        """An image (its bytes, or a path) as a model that can encode sees it, and its code."""
        return self._ask(calls.reconstruct(image, fields))

    def evolve(self, liked: Sequence[int], **fields: Unpack[EvolveFields]) -> Picture:
        """Children of what was liked."""
        return self._ask(calls.evolve(liked, fields))

    def models(self) -> list[Model]:
        """What is loaded."""
        return self._ask(calls.models())

    def model(self, name: str) -> Model:
        """All that is known of one; `name` or `name@version`."""
        return self._ask(calls.model(name))

    @contextmanager
    def archive(self, **fields: Unpack[ArchiveFields]) -> Iterator[Iterator[bytes]]:
        """The parts of a ZIP as they are made. Leaving early ends the making; httpx.TransportError: it was cut off."""
        patience = self._patience()
        while True:
            with self._http.stream(**calls.archive(fields).request) as response:
                if response.is_success:
                    yield response.iter_bytes()
                    return
                response.read()
            time.sleep(self._seconds(response, patience))

    def save_archive(self, path: str | PathLike[str], **fields: Unpack[ArchiveFields]) -> Path:
        """A ZIP as a file, which is there when it is whole and not before."""
        with partial.file(path) as file, self.archive(**fields) as parts:
            for part in parts:
                file.write(part)
        return Path(path)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, call: Call[T]) -> T:
        patience = self._patience()
        while not (response := self._http.request(**call.request)).is_success:
            time.sleep(self._seconds(response, patience))
        return call.read(response)
