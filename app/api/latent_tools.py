"""POST /interpolate and /evolve."""

import hashlib
import json
from typing import Any

from fastapi import APIRouter, Request, Response

from app.api import bodies, latent_orders, negotiation
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import ERRORS, OK, facts, headers
from app.api.latent_orders import Caller
from app.api.latent_schemas import EVOLVE_EXAMPLES, INTERPOLATE_EXAMPLES, EvolveRequest, InterpolateRequest
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.mixing import Children, Path
from app.order import Order
from app.pipeline import Pipeline
from app.rendering import Form
from app.settings import Settings

_PICTURES = tuple((form.media_type, form) for form in Form if form.is_grid)
_ANIMATIONS = (("image/webp", Form.WEBP), ("image/apng", Form.PNG), ("image/png", Form.PNG))
_ANIMATED = {None: None, "webp": Form.WEBP, "apng": Form.PNG}
_PICTURE_OK = {
    "description": "The frames in one picture.",
    "headers": OK["headers"],
    "content": {
        media_type: {"schema": {"type": "string", "format": "binary"}}
        for media_type, _ in (*_PICTURES, ("image/apng", Form.PNG))
    },
}


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    async def answer(request: Request, order: Order) -> Response:
        made = await unless_gone(request.scope, request.receive, pipeline.generate(order))
        request.scope[FACTS] |= facts(order, made)
        return Response(made.body, media_type=made.media_type, headers=headers(order, made))

    @routes.post(
        "/interpolate",
        response_class=Response,
        responses={200: _PICTURE_OK, **ERRORS},
        openapi_extra=bodies.documented(InterpolateRequest, INTERPOLATE_EXAMPLES),
    )
    async def interpolate(request: Request) -> Response:
        """Frames from point to point, as a strip, a grid or an animation. A frame at a seed is that seed's image."""
        caller = Caller(clients.identify(request.scope), request.scope[ARRIVED])
        body = await bodies.read(InterpolateRequest, request)
        points = body.seeds or body.codes or []
        latent_orders.check(body, body.n, settings, _complaints(body))
        form = _form(body, request.headers.get("accept"))
        codes = {place: point for place, point in enumerate(points) if not isinstance(point, int)}
        mix = latent_orders.with_codes(Path(len(points), body.n, body.loop), codes, len(points))
        if codes:
            called = {place: (f"codes.{place}", code) for place, code in codes.items()}
            latent_orders.check_codes(body, mix, called, pipeline.find(body.model))
        seeds = [point if isinstance(point, int) else 0 for point in points]
        columns = body.n if body.layout == "strip" else None
        frame_ms = body.frame_ms if body.layout == "animation" else None
        return await answer(
            request,
            latent_orders.order(body, seeds, mix, form, caller, settings, columns=columns, frame_ms=frame_ms),
        )

    @routes.post(
        "/evolve",
        response_class=Response,
        responses={200: OK, **ERRORS},
        openapi_extra=bodies.documented(EvolveRequest, EVOLVE_EXAMPLES),
    )
    async def evolve(request: Request) -> Response:
        """Children of liked seeds, away from disliked ones. The same call gives the same children again."""
        caller = Caller(clients.identify(request.scope), request.scope[ARRIVED])
        body = await bodies.read(EvolveRequest, request)
        latent_orders.check(body, body.n, settings)
        form = negotiation.choose(body.format, request.headers.get("accept"))
        first = _drawn(body.liked, body.disliked) if body.seed is None else body.seed
        children = latent_orders.run(first, body.n)
        mix = Children(body.liked, body.disliked, children, body.strength)
        seeds = [*body.liked, *body.disliked, *children]
        return await answer(request, latent_orders.order(body, seeds, mix, form, caller, settings))

    return routes


def _complaints(body: InterpolateRequest) -> list[tuple[str, str]]:
    wrong = []
    if (body.seeds is None) == (body.codes is None):
        wrong.append(("seeds", "give seeds or codes, one of them"))
    elif body.n < (points := len(body.seeds or body.codes or ())):
        wrong.append(("n", f"{body.n} frames cannot show {points} points"))
    if body.layout == "animation" and body.format not in _ANIMATED:
        wrong.append(("format", f"an animation is webp or apng, not {body.format}"))
    if body.layout != "animation" and body.format == "apng":
        wrong.append(("format", "apng is for layout animation"))
    if body.layout == "strip" and body.columns is not None:
        wrong.append(("columns", "a strip has one row; columns are for layout grid"))
    return wrong


def _form(body: InterpolateRequest, accept: str | None) -> Form:
    if body.layout == "animation":
        return _ANIMATED[body.format] or negotiation.prefer(accept, _ANIMATIONS)
    return Form(body.format) if body.format else negotiation.prefer(accept, _PICTURES)


def _drawn(*feedback: Any) -> int:
    """A seed that the same feedback gives again."""
    return int.from_bytes(hashlib.sha256(json.dumps(feedback).encode()).digest()[:4], "big")
