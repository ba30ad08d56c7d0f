"""POST /interpolate, /variations and /evolve."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from app import errors
from app.api import bodies, negotiation, orders
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import ERRORS, OK, facts, headers
from app.api.latent_schemas import (
    EVOLVE_EXAMPLES,
    INTERPOLATE_EXAMPLES,
    VARIATIONS_EXAMPLES,
    EvolveRequest,
    InterpolateRequest,
    VariationsRequest,
)
from app.api.schemas import SEED_MAX
from app.front.front import ARRIVED, FACTS
from app.mixing import Around, Children, Mix, Path
from app.pipeline import Order, Pipeline
from app.rendering import Form, Layout
from app.settings import Settings

_Request = InterpolateRequest | VariationsRequest | EvolveRequest

_PICTURES = tuple((form.media_type, form) for form in Form if form.is_grid)
_ANIMATIONS = ((Form.WEBP.media_type, Form.WEBP),)
_PICTURE_OK = {
    "description": "The frames in one picture.",
    "headers": OK["headers"],
    "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type, _ in _PICTURES},
}


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    async def answer(request: Request, order: Order) -> Response:
        made = await unless_gone(request.receive, pipeline.generate(order))
        request.scope[FACTS] |= facts(order, made)
        return Response(made.body, media_type=made.media_type, headers=headers(order, made))

    @routes.post(
        "/interpolate",
        response_class=Response,
        responses={200: _PICTURE_OK, **ERRORS},
        openapi_extra=bodies.documented(InterpolateRequest, INTERPOLATE_EXAMPLES),
    )
    async def interpolate(request: Request) -> Response:
        """Frames from seed to seed, as a strip, a grid or an animated WebP. A frame at a seed is that seed's image."""
        client = clients.identify(request)
        body = await bodies.read(InterpolateRequest, request)
        wrong = []
        if body.n < len(body.seeds):
            wrong.append(("n", f"{body.n} frames cannot show {len(body.seeds)} seeds"))
        animation = body.layout == "animation"
        if animation and body.format not in (None, "webp"):
            wrong.append(("format", f"an animation is webp, not {body.format}"))
        if body.layout == "strip" and body.columns is not None:
            wrong.append(("columns", "a strip has one row; columns are for layout grid"))
        offers = _ANIMATIONS if animation else _PICTURES
        accept = request.headers.get("accept")
        form = Form(body.format) if body.format else negotiation.prefer(accept, offers)
        mix = Path(len(body.seeds), body.n, body.loop)
        arrived = request.scope[ARRIVED]
        columns = body.n if body.layout == "strip" else body.columns
        frame_ms = body.frame_ms if animation else None
        return await answer(
            request, _order(body, body.seeds, mix, form, columns, frame_ms, arrived, client, settings, wrong)
        )

    @routes.post(
        "/variations",
        response_class=Response,
        responses={200: OK, **ERRORS},
        openapi_extra=bodies.documented(VariationsRequest, VARIATIONS_EXAMPLES),
    )
    async def variations(request: Request) -> Response:
        """Images around that of a seed, in the forms of POST /generate. `strength` says how far."""
        client = clients.identify(request)
        body = await bodies.read(VariationsRequest, request)
        form = negotiation.choose(body.format, request.headers.get("accept"))
        first = body.seed + 1 if body.variation_seed is None else body.variation_seed
        seeds = [body.seed, *_run(first, min(body.n, settings.max_images))]
        mix = Around(body.seed, body.n, body.strength)
        arrived = request.scope[ARRIVED]
        return await answer(request, _order(body, seeds, mix, form, body.columns, None, arrived, client, settings, []))

    @routes.post(
        "/evolve",
        response_class=Response,
        responses={200: OK, **ERRORS},
        openapi_extra=bodies.documented(EvolveRequest, EVOLVE_EXAMPLES),
    )
    async def evolve(request: Request) -> Response:
        """Children of liked seeds, away from disliked ones. The same call gives the same children again."""
        client = clients.identify(request)
        body = await bodies.read(EvolveRequest, request)
        form = negotiation.choose(body.format, request.headers.get("accept"))
        first = _drawn(body.liked, body.disliked) if body.seed is None else body.seed
        children = _run(first, min(body.n, settings.max_images))
        seeds = [*body.liked, *body.disliked, *children]
        mix = Children(body.liked, body.disliked, children, body.strength)
        arrived = request.scope[ARRIVED]
        return await answer(request, _order(body, seeds, mix, form, body.columns, None, arrived, client, settings, []))

    return routes


def _order(
    body: _Request,
    seeds: Sequence[int],
    mix: Mix,
    form: Form,
    columns: int | None,
    frame_ms: int | None,
    arrived: float,
    client: str,
    settings: Settings,
    wrong: list[tuple[str, str]],
) -> Order:
    """Raises InvalidFields: `wrong`, and what is too much for this service."""
    timeout_ms = body.timeout_ms or settings.timeout_ms
    if timeout_ms > settings.timeout_ms:
        wrong.append(("timeout_ms", f"this service gives a request at most {settings.timeout_ms} ms"))
    if body.n > settings.max_images:
        wrong.append(("n", f"this service makes at most {settings.max_images} images a request, not {body.n}"))
    if wrong:
        raise errors.InvalidFields(wrong)
    return Order(
        model=body.model,
        seeds=np.array(seeds, np.uint32),
        labels=[] if body.label is None else [body.label] * mix.n,
        label_fields=[] if body.label is None else ["label"] * mix.n,
        truncation_psi=body.truncation_psi,
        layout=Layout(columns, body.padding, orders.colour(body.background), body.scale, frame_ms=frame_ms),
        form=form,
        deadline=arrived + timeout_ms / 1000,
        client=client,
        mix=mix,
    )


def _run(first: int, n: int) -> list[int]:
    return [(first + i) & SEED_MAX for i in range(n)]


def _drawn(*feedback: Any) -> int:
    """A seed that the same feedback gives again."""
    return int.from_bytes(hashlib.sha256(json.dumps(feedback).encode()).digest()[:4], "big")
