"""Brings what serves in line with the models folder: verify, load, prove, then exchange while requests go on."""

import asyncio
import gc
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import DeviceLost, ModelRejected
from app.images.scanlines import usually_filtered
from app.registry.manifest import Manifest
from app.registry.proof import check_codes, check_golden, golden_inputs
from app.registry.shelf import ServedModel, Shelf
from app.registry.store import VerifiedModel, discover, verify

if TYPE_CHECKING:
    from app.inference.batcher import Batcher
    from app.inference.engine import Engine

__all__ = ["Change", "Refused", "Registry", "ServedModel"]

# A request looks its model up a moment before it submits to the batcher: so long an exchanged one still takes work.
HANDOVER_S = 0.2

log = logging.getLogger("tessera")

BuildEngine = Callable[[VerifiedModel], "Engine"]
BuildBatcher = Callable[[Manifest, "Engine"], "Batcher"]


@dataclass(frozen=True)
class Refused:
    """model: name@version as the folders say. reason: a sentence for people."""

    model: str
    reason: str


@dataclass(frozen=True)
class Change:
    """What a reload did, each model as name@version. One that was replaced at its version counts as loaded."""

    loaded: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    refused: tuple[Refused, ...]


class Registry:
    """`reload`, `drain` and `stop` belong to one event loop; `get`, `models` and `refused` to anybody.

    build_engine: called in a worker thread, followed by warm_up() and the golden seeds. build_batcher: called in the
    event loop, followed by start(). default: as Shelf says. Its attribute exchanges: grows whenever what serves may
    have become other models.
    """

    def __init__(
        self, models_dir: Path, build_engine: BuildEngine, build_batcher: BuildBatcher, *, default: str = ""
    ) -> None:
        self._models_dir = models_dir
        self._build_engine = build_engine
        self._build_batcher = build_batcher
        self._default = default
        self.exchanges = 0
        self._shelf = Shelf((), default)
        self._refused: tuple[Refused, ...] = ()
        self._reloading = asyncio.Lock()

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What the last reload found in the models folder and did not serve."""
        return self._refused

    def models(self) -> list[ServedModel]:
        """All that serves, by name and version."""
        return list(self._shelf.models.values())

    def get(self, ref: str | None) -> ServedModel:
        """ref: "name" (its highest version), "name@version", or None (the default). Raises NotLoaded, UnknownModel.

        Submit to its batcher at once; HANDOVER_S after a reload has exchanged the model, the batcher refuses.
        """
        return self._shelf.find(ref)

    async def reload(self) -> Change:
        """Also the first load. Raises DeviceLost, and then changes nothing.

        What is new or was changed on the disk is verified, loaded, warmed up and proved while the old models serve.
        Then all are exchanged at once; those replaced or removed finish their queue and stop. What fails is listed in
        `refused`; whatever served at its place goes on. A models folder that is empty or cannot be read (a volume that
        is not mounted) takes nothing away.
        """
        async with self._reloading:
            change = await self._exchange()
            if change.loaded or change.removed or change.refused:
                gc.collect()  # engines refer to themselves; what they held on the device is wanted back now
            return change

    async def _exchange(self) -> Change:
        before = self._shelf.models
        found, refused = await self._discover()
        fresh = await self._load_changed(found, refused)
        kept = {ref: model for ref, model in before.items() if ref not in fresh and (ref in found or not found)}
        self.exchanges += 1
        self._shelf = Shelf([*kept.values(), *fresh.values()], self._default)
        self._refused = tuple(refused)
        await _release(model for ref, model in before.items() if ref not in kept)
        removed = tuple(ref for ref in before if ref not in kept and ref not in fresh)
        return Change(tuple(fresh), tuple(kept), removed, self._refused)

    async def drain(self) -> None:
        """Returns when every accepted image was computed or dropped."""
        await asyncio.gather(*(model.batcher.drain() for model in self.models()))

    def stop(self) -> None:
        for model in self.models():
            model.batcher.stop()

    async def _discover(self) -> tuple[dict[str, Path], list[Refused]]:
        try:
            folders = await asyncio.to_thread(discover, self._models_dir)
        except ModelRejected as error:
            return {}, [_refuse(str(self._models_dir), error.reason)]
        if not folders:
            return {}, [_refuse(str(self._models_dir), "no model lies here; publish one, or set TESSERA_MODELS_DIR")]
        return {"@".join(folder.relative_to(self._models_dir).parts): folder for folder in folders}, []

    async def _load_changed(self, found: dict[str, Path], refused: list[Refused]) -> dict[str, ServedModel]:
        fresh: dict[str, ServedModel] = {}
        try:
            for ref, folder in found.items():
                try:
                    model = await self._load(folder, self._shelf.models.get(ref))
                except ModelRejected as error:
                    refused.append(_refuse(ref, error.reason))
                else:
                    fresh |= {ref: model} if model else {}
        except BaseException:
            for model in fresh.values():
                model.batcher.stop()
            raise
        return fresh

    async def _load(self, folder: Path, serving: ServedModel | None) -> ServedModel | None:
        """None if `serving` is what lies there."""
        prepared = await asyncio.to_thread(self._prepare, folder, serving.manifest if serving else None)
        if prepared is None:
            return None
        model, engine, filtered = prepared
        batcher = self._build_batcher(model.manifest, engine)
        await batcher.start()
        log.info("model %s is ready (%s)", model.manifest.ref, model.digest[:12])
        return ServedModel(model.manifest, model.digest, engine, batcher, filtered)

    def _prepare(self, folder: Path, serving: Manifest | None) -> "tuple[VerifiedModel, Engine, bool | None] | None":
        model = verify(folder)
        if model.manifest == serving:
            return None
        try:
            engine = self._build_engine(model)
            engine.warm_up()
            made = engine.forward(*golden_inputs(model.manifest))
            codes = engine.encode(made) if "encode" in model.manifest.capabilities else None
        except (ModelRejected, DeviceLost):
            raise
        except Exception as error:  # a generator is a program: what it may raise has no end
            log.debug("loading %s", folder, exc_info=True)
            raise ModelRejected(folder, f"{_first_line(error)}; publish the model again") from error
        check_golden(model, made)
        if codes is not None:
            check_codes(model, codes)
        return model, engine, usually_filtered(made)


def _refuse(ref: str, reason: str) -> Refused:
    # Names of files are bytes; what is no UTF-8 in them could not be logged or answered.
    refused = Refused(*(text.encode("utf-8", "backslashreplace").decode() for text in (ref, reason)))
    log.error("%s is not served: %s", refused.model, refused.reason)
    return refused


def _first_line(error: Exception) -> str:
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")[:200]
    # ValueError is how the engine says, in a sentence of its own, what is wrong with a generator.
    return line if isinstance(error, ValueError) else f"the generator cannot be run: {type(error).__name__}: {line}"


async def _release(models: Iterable[ServedModel]) -> None:
    leaving = list(models)
    try:
        await asyncio.sleep(HANDOVER_S if leaving else 0)
        await asyncio.gather(*(model.batcher.drain() for model in leaving))
    finally:
        for model in leaving:
            model.batcher.stop()
