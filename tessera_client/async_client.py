"""The client for programs on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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


class AsyncClient(Base):
    """A service at `url`; for one event loop, and any number of its tasks.

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(url, patience_s)
        self._http = httpx.AsyncClient(**self._options(api_key, timeout_s), transport=transport)

    async def generate(self, **fields: Unpack[GenerateFields]) -> Picture:
        """A grid of images as one file."""
        return await self._ask(calls.generate(fields))

    async def tiles(self, **fields: Unpack[TilesFields]) -> Tiles:
        """The images one by one."""
        return await self._ask(calls.tiles(fields))

    async def batch(self, requests: Sequence[GenerateFields]) -> list[Picture | ServiceError]:
        """Several requests in one call. One that fails has its error in its place, which is not raised."""
        return await self._ask(calls.batch(requests))

    async def interpolate(self, points: Sequence[int | Code], **fields: Unpack[InterpolateFields]) -> Picture:
        """The way from seed to seed, or code to code."""
        return await self._ask(calls.interpolate(points, fields))

    async def variations(self, start: int | Code | Upload, **fields: Unpack[VariationsFields]) -> Picture:
        """Images around that of a seed or code, or around an upload (its bytes, or a path)."""
        return await self._ask(calls.variations(start, fields))

    async def reconstruct(self, image: Upload, **fields: Unpack[ReconstructFields]) -> Reconstruction:
        """An image (its bytes, or a path) as a model that can encode sees it, and its code."""
        return await self._ask(calls.reconstruct(image, fields))

    async def evolve(self, liked: Sequence[int], **fields: Unpack[EvolveFields]) -> Picture:
        """Children of what was liked."""
        return await self._ask(calls.evolve(liked, fields))

    async def models(self) -> list[Model]:
        """What is loaded."""
        return await self._ask(calls.models())

    async def model(self, name: str) -> Model:
        """All that is known of one; `name` or `name@version`."""
        return await self._ask(calls.model(name))

    @asynccontextmanager
    async def archive(self, **fields: Unpack[ArchiveFields]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The parts of a ZIP as they are made. Leaving early ends the making; httpx.TransportError: it was cut off."""
        patience = self._patience()
        while True:
            async with self._http.stream(**calls.archive(fields).request) as response:
                if response.is_success:
                    yield response.aiter_bytes()
                    return
                await response.aread()
            await asyncio.sleep(self._seconds(response, patience))

    async def save_archive(self, path: str | PathLike[str], **fields: Unpack[ArchiveFields]) -> Path:
        """A ZIP as a file, which is there when it is whole and not before."""
        with partial.file(path) as file:
            async with self.archive(**fields) as parts:
                async for part in parts:
                    await asyncio.to_thread(file.write, part)
        return Path(path)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def _ask(self, call: Call[T]) -> T:
        patience = self._patience()
        while not (response := await self._http.request(**call.request)).is_success:
            await asyncio.sleep(self._seconds(response, patience))
        return call.read(response)
