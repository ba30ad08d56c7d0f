"""The composition root: everything is made here, once, and handed to what needs it."""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from app import loading, logs
from app.api import (
    archive,
    batch,
    direct,
    documentation,
    forms,
    generate,
    health,
    image_urls,
    latent_tools,
    models,
    playground,
    problems,
    uploads,
)
from app.api.clients import Clients
from app.api.image_memory import ImageMemory
from app.api.open_inference import infer as open_infer
from app.api.open_inference import metadata as open_metadata
from app.api.openai import images as openai_images
from app.api.openai import models as openai_models
from app.archive import Archives
from app.front import tracing
from app.front.front import Front
from app.front.head import Head
from app.front.journal import RequestJournal
from app.front.limits import BodyLimits
from app.front.turned_away import TurnedAway
from app.inference.admission import Admission
from app.lifecycle import Lifecycle, Stage
from app.pipeline import Pipeline
from app.registry.registry import Registry
from app.settings import Settings, unknown_variables
from app.telemetry import Telemetry
from app.uploading import Uploads

if TYPE_CHECKING:
    from app.inference.engine import Engine

VERSION = "0.1.0"

log = logging.getLogger("tessera")


class Service(FastAPI):
    """FastAPI inside the front: ids, limits and the log line hold for its own error pages too.

    traced: may spans be wanted of requests? FastAPI itself looks that up for each of them anew.
    turned_away: what the front remembers, for the server's door.
    """

    def __init__(self, front: Callable[[Any], Front], turned_away: TurnedAway, **facts: Any) -> None:
        super().__init__(**facts)
        self._front = front
        self.turned_away = turned_away
        self.traced = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.traced or scope["type"] != "http" or self.middleware_stack is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"] = self
        await self.middleware_stack(scope, receive, send)

    def build_middleware_stack(self) -> Any:
        return self._front(super().build_middleware_stack())


def create_app(
    settings: Settings | None = None,
    *,
    lifecycle: Lifecycle | None = None,
    registry: Registry | None = None,
    admission: Admission | None = None,
    engine: "Callable[..., Engine] | None" = None,
    background_loading: bool = False,
) -> Service:
    """The service as an ASGI application.

    background_loading: answer (unready) while the models are loaded and proved, instead of starting only then.
    The other arguments are for tests: `engine` is called instead of Engine's constructor.
    """
    settings = settings or Settings()
    lifecycle = lifecycle or Lifecycle()
    telemetry = Telemetry()
    registry = registry or loading.open_registry(settings, lifecycle, telemetry, engine)
    pipeline = Pipeline(registry, admission or Admission(), lifecycle, telemetry, settings.max_pixels)
    telemetry.watch("ready", "1 while /readyz answers 200.", lambda: float(lifecycle.stage is Stage.READY))
    files = Uploads(pipeline)
    archives = Archives(pipeline, telemetry, settings.max_batch_size)
    clients = Clients(settings.client_keys())
    images = ImageMemory(pipeline.find, clients)
    asked_most = generate.router(pipeline, clients, settings)
    journal = RequestJournal(telemetry)
    turned_away = TurnedAway(journal)
    app = Service(
        lambda inside: Front(
            direct.before(Head(images.before(inside)), asked_most),
            journal,
            body_limits=BodyLimits(settings.max_body_bytes, dict.fromkeys(uploads.ROUTES, forms.MAX_BODY)),
            receive_timeout_s=settings.request_receive_timeout_s,
            turned_away=turned_away,
            closing=lambda: lifecycle.stage in (Stage.DRAINING, Stage.LOST),
        ),
        turned_away,
        title="Tessera",
        version=VERSION,
        description=documentation.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(lifecycle, registry, [pipeline, archives, files], background_loading),
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
    app.include_router(asked_most)
    app.include_router(batch.router(pipeline, clients, settings))
    app.include_router(archive.router(pipeline, archives, clients, settings))
    app.include_router(image_urls.router(pipeline, clients, settings, images))
    app.include_router(latent_tools.router(pipeline, clients, settings))
    app.include_router(uploads.router(pipeline, files, clients, settings))
    app.include_router(models.router(registry))
    app.include_router(openai_images.router(pipeline, clients, settings))
    app.include_router(openai_models.router(registry))
    app.include_router(open_infer.router(pipeline, clients, settings))
    stuck = partial(loading.stuck, registry)
    app.include_router(open_metadata.router(registry, lifecycle, stuck, VERSION))
    app.include_router(health.router(lifecycle, telemetry, stuck))
    app.include_router(playground.router())
    documentation.install(app, settings)
    return app


def _lifespan(
    lifecycle: Lifecycle, registry: Registry, makers: Sequence[Pipeline | Archives | Uploads], background_loading: bool
) -> Callable[[Service], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Service) -> AsyncIterator[None]:
        app.traced = tracing.wanted()
        for sentence in unknown_variables():
            log.warning(sentence)
        loads = {asyncio.create_task(loading.load(registry, lifecycle))}
        if not background_loading:
            await asyncio.wait(loads)

        def reload() -> None:
            log.info("SIGHUP: reading the models folder again")
            loads.add(asyncio.create_task(loading.load(registry, lifecycle)))

        with _on_hangup(reload):
            yield
            lifecycle.drain()
        await asyncio.wait(loads)
        await registry.drain()
        registry.stop()
        for maker in makers:
            maker.close()

    return lifespan


@contextmanager
def _on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """SIGHUP calls `reload` in the event loop, where there are such signals and this is the main thread."""
    loop = asyncio.get_running_loop()
    mine = hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread()
    if mine:
        loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        if mine:
            loop.remove_signal_handler(signal.SIGHUP)
