"""GET /livez, /readyz, /metrics: for orchestrators and scrapers. They need no API key and never wait for work."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from app.api.schemas import Health
from app.lifecycle import Lifecycle, Stage
from app.telemetry import CONTENT_TYPE, Telemetry

_NOT_OK: dict[int | str, dict[str, Any]] = {503: {"model": Health, "description": "Not now; `status` says why."}}


def router(lifecycle: Lifecycle, telemetry: Telemetry, stuck: Callable[[], str]) -> APIRouter:
    """stuck: one sentence when an engine thread no longer moves, else empty."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/livez", response_model=Health, responses=_NOT_OK)
    async def livez() -> Response:
        """200 while the event loop and the engine threads move. Restart the process when this fails."""
        complaint = stuck()
        return JSONResponse({"status": complaint or "ok"}, 503 if complaint else 200)

    @routes.get("/readyz", response_model=Health, responses=_NOT_OK)
    async def readyz() -> Response:
        """200 when a model is loaded and proved and the service is not draining. A full queue does not change it."""
        ready = lifecycle.stage is Stage.READY
        return JSONResponse({"status": lifecycle.reason}, 200 if ready else 503)

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"description": "Prometheus text format.", "content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        """Metrics of this process in the Prometheus text format."""
        return Response(telemetry.exposition(), media_type=CONTENT_TYPE)

    return routes
