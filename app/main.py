"""The composition root: everything is made here, once, and handed to what needs it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray

from app import logs
from app.api import documentation, generate, health, models, problems
from app.api.clients import Clients
from app.errors import DeviceLost
from app.front.front import Front
from app.front.journal import RequestJournal
from app.inference.admission import Admission
from app.inference.batcher import Batcher
from app.inference.engine import Engine, GeneratorSpec
from app.lifecycle import Lifecycle, Stage
from app.pipeline import Pipeline
from app.registry.manifest import Manifest
from app.registry.registry import Registry
from app.registry.store import VerifiedModel
from app.settings import Settings, unknown_variables
from app.telemetry import Telemetry

VERSION = "0.1.0"

# No forward pass of a model small enough to be served takes this long, on any device.
STUCK_AFTER_S = 120.0

log = logging.getLogger("tessera")


class Service(FastAPI):
    """FastAPI inside the front: ids, limits and the log line hold for its own error pages too."""

    def __init__(self, front: Callable[[Any], Front], **facts: Any) -> None:
        super().__init__(**facts)
        self._front = front

    def build_middleware_stack(self) -> Any:
        return self._front(super().build_middleware_stack())


def create_app(
    settings: Settings | None = None,
    *,
    lifecycle: Lifecycle | None = None,
    registry: Registry | None = None,
    admission: Admission | None = None,
    engine: Callable[..., Engine] = Engine,
    background_loading: bool = False,
) -> Service:
    """The service as an ASGI application.

    background_loading: answer (unready) while the models are loaded and proved, instead of starting only then.
    The other arguments are for tests: `engine` is called like Engine's constructor.
    """
    settings = settings or Settings()
    lifecycle = lifecycle or Lifecycle()
    telemetry = Telemetry()
    registry = registry or _registry(settings, lifecycle, telemetry, engine)
    pipeline = Pipeline(registry, admission or Admission(), lifecycle, telemetry, settings.max_pixels)
    telemetry.watch("ready", "1 while /readyz answers 200.", lambda: float(lifecycle.stage is Stage.READY))
    app = Service(
        lambda inside: Front(
            inside,
            RequestJournal(telemetry),
            max_body_bytes=settings.max_body_bytes,
            receive_timeout_s=settings.request_receive_timeout_s,
        ),
        title="Tessera",
        version=VERSION,
        description=documentation.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(lifecycle, registry, pipeline, background_loading),
        # Traces by FastAPI's own instrumentation, only when an OTEL_EXPORTER_OTLP_ENDPOINT is set.
        telemetry={
            "auto_configure": True,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "exclude": lambda scope: scope["path"] in logs.QUIET_ROUTES,
        },
    )
    problems.install(app)
    app.include_router(generate.router(pipeline, Clients(settings.client_keys()), settings))
    app.include_router(models.router(registry))
    app.include_router(health.router(lifecycle, telemetry, lambda: _stuck(registry)))
    documentation.install(app, settings)
    return app


def _registry(
    settings: Settings, lifecycle: Lifecycle, telemetry: Telemetry, engine: Callable[..., Engine]
) -> Registry:
    def build_engine(model: VerifiedModel) -> Engine:
        manifest = model.manifest
        image = manifest.image
        spec = GeneratorSpec(manifest.latent.dim, image.height, image.width, image.channels, len(manifest.classes))
        return engine(
            model.generator,
            spec,
            settings.device,
            max_batch_size=settings.max_batch_size,
            allow_tf32=settings.allow_tf32,
        )

    def build_batcher(manifest: Manifest, engine: Engine) -> Batcher:
        def forward(z: NDArray[np.float32], label: NDArray[np.int64]) -> NDArray[np.uint8]:
            try:
                return engine.forward(z, label)
            except DeviceLost as loss:
                lifecycle.device_lost(str(loss))  # at once, whether or not anybody still waits for these images
                raise

        return Batcher(
            forward,
            max_batch_size=settings.max_batch_size,
            max_wait_ms=settings.max_wait_ms,
            max_queue_images=settings.max_queue_images,
            observer=telemetry.observer(manifest.ref),
            images_per_second=engine.images_per_second,
        )

    return Registry(settings.models_dir, build_engine, build_batcher, default=settings.default_model)


def _lifespan(
    lifecycle: Lifecycle, registry: Registry, pipeline: Pipeline, background_loading: bool
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for sentence in unknown_variables():
            log.warning(sentence)
        loading = asyncio.create_task(_load(registry, lifecycle))
        if not background_loading:
            await loading
        yield
        lifecycle.drain()
        await loading
        await registry.drain()
        registry.stop()
        pipeline.close()

    return lifespan


def _stuck(registry: Registry) -> str:
    for model in registry.models():
        seconds = model.batcher.working_for
        if seconds > STUCK_AFTER_S:
            return f"{model.manifest.ref}: the forward pass under way began {seconds:.0f} s ago"
    return ""


async def _load(registry: Registry, lifecycle: Lifecycle) -> None:
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
