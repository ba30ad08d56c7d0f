"""The composition root: everything is made here, once, and handed to what needs it."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from app import logs
from app.api import documentation, generate, health, models, problems
from app.api.clients import Clients
from app.front.front import Front
from app.front.journal import RequestJournal
from app.lifecycle import Lifecycle, Stage
from app.pipeline import Pipeline
from app.settings import Settings, unknown_variables
from app.telemetry import Telemetry

VERSION = "0.1.0"

log = logging.getLogger("tessera")


class Service(FastAPI):
    """FastAPI inside the front: ids, limits and the log line hold for its own error pages too."""

    def __init__(self, front: Callable[[Any], Front], **facts: Any) -> None:
        super().__init__(**facts)
        self._front = front

    def build_middleware_stack(self) -> Any:
        return self._front(super().build_middleware_stack())


def create_app(
    settings: Settings | None = None, *, lifecycle: Lifecycle | None = None, registry: Any = None, admission: Any = None
) -> Service:
    settings = settings or Settings()
    lifecycle = lifecycle or Lifecycle()
    telemetry = Telemetry()
    telemetry.watch("ready", "1 while /readyz answers 200.", lambda: float(lifecycle.stage is Stage.READY))
    pipeline = Pipeline(registry, admission, lifecycle, telemetry, settings.max_pixels)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for sentence in unknown_variables():
            log.warning(sentence)
        lifecycle.ready()
        yield
        lifecycle.drain()
        pipeline.close()

    def front(app: Any) -> Front:
        return Front(
            app,
            RequestJournal(telemetry),
            max_body_bytes=settings.max_body_bytes,
            receive_timeout_s=settings.request_receive_timeout_s,
        )

    app = Service(
        front,
        title="Tessera",
        version=VERSION,
        description=documentation.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
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
    app.include_router(health.router(lifecycle, telemetry, lambda: ""))
    documentation.install(app, settings)
    return app
