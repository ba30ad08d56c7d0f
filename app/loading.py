"""From published models to served ones: how an engine and a batcher are made, the first load, and whether they move."""

import gc
import logging
import weakref
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.errors import DeviceLost
from app.inference.batcher import Batcher
from app.lifecycle import Lifecycle
from app.registry.manifest import Manifest
from app.registry.registry import Registry
from app.registry.store import VerifiedModel
from app.settings import Settings
from app.telemetry import Telemetry

if TYPE_CHECKING:
    from app.inference.engine import Engine

# No forward pass of a model small enough to be served takes this long, on any device.
STUCK_AFTER_S = 120.0

log = logging.getLogger("tessera")


def open_registry(
    settings: Settings, lifecycle: Lifecycle, telemetry: Telemetry, engine: "Callable[..., Engine] | None" = None
) -> Registry:
    """Still empty. engine: what to call instead of Engine's constructor."""

    def build_engine(model: VerifiedModel) -> "Engine":
        # Imported here, in the loading thread: torch takes seconds, in which the service already answers /livez.
        from app.inference.engine import Engine, GeneratorSpec

        _set_libraries_aside()
        manifest = model.manifest
        image = manifest.image
        spec = GeneratorSpec(manifest.latent.dim, image.height, image.width, image.channels, len(manifest.classes))
        return (engine or Engine)(
            model.generator,
            spec,
            settings.device,
            max_batch_size=settings.max_batch_size,
            allow_tf32=settings.allow_tf32,
            observer=telemetry.observer(manifest.ref),
        )

    def build_batcher(manifest: Manifest, engine: "Engine") -> Batcher:
        def forward(z: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.uint8]:
            try:
                return engine.forward(z, label, here=True)
            except DeviceLost as loss:
                lifecycle.device_lost(str(loss))  # at once, whether or not anybody still waits for these images
                raise

        batcher = Batcher(
            forward,
            engine_encode=engine.encode if "encode" in manifest.capabilities else None,
            max_batch_size=engine.max_batch_size,
            usual_batch_size=engine.usual_batch_size,
            lanes=engine.lanes,
            turn=max(1, settings.max_batch_size // 4),
            max_wait_ms=settings.max_wait_ms,
            max_queue_images=settings.max_queue_images,
            observer=telemetry.observer(manifest.ref),
            images_per_second=engine.images_per_second,
            lead=engine.lead,
        )
        # Not to keep a model alive that was exchanged for a newer one.
        batcher_ref, engine_ref = weakref.ref(batcher), weakref.ref(engine)
        telemetry.watch_model(
            manifest.ref,
            lambda: 0 if (it := batcher_ref()) is None else it.queued_images,
            lambda: 0 if (it := engine_ref()) is None else it.memory_bytes,
        )
        return batcher

    return Registry(settings.models_dir, build_engine, build_batcher, default=settings.default_model)


@cache
def _set_libraries_aside() -> None:
    """Hundreds of thousands of objects of imported libraries, which live as long as the process: the garbage collector
    would walk them again and again, and no request moves meanwhile. Before the first model, for a model may go."""
    gc.collect()
    gc.freeze()


def stuck(registry: Registry) -> str:
    """One sentence when an engine thread no longer moves, else empty."""
    for model in registry.models():
        seconds = model.batcher.working_for
        if seconds > STUCK_AFTER_S:
            return f"{model.manifest.ref}: the forward pass under way began {seconds:.0f} s ago"
    return ""


async def load(registry: Registry, lifecycle: Lifecycle) -> None:
    """Loads what lies in the models folder and tells the lifecycle how it went; raises nothing."""
    try:
        await registry.reload()
    except DeviceLost as loss:
        lifecycle.device_lost(str(loss))
    except Exception:
        log.exception("the models could not be loaded")
        lifecycle.empty("the models could not be loaded; the log says why")
    if registry.models():
        lifecycle.ready()
    else:
        lifecycle.empty("; ".join(f"{refused.model}: {refused.reason}" for refused in registry.refused))
