"""POST /generate/batch."""

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from app import errors
from app.api import batch_forms, bodies, negotiation, orders, problems
from app.api.batch_forms import BatchForm, Result
from app.api.batch_schemas import EXAMPLES, BatchRequest, BatchResponse
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import ERRORS
from app.api.schemas import GenerateRequest
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.front.request_id import request_id
from app.order import Order
from app.pipeline import Pipeline
from app.rendering import Form
from app.settings import Settings

_OFFERS = tuple((form.media_type, form) for form in BatchForm)

_OK: dict[str, Any] = {
    "description": "One result a request, in their order; a request that failed has its problem there.",
    "content": {
        form.media_type: {"schema": {"type": "string", "format": "binary"}}
        for form in BatchForm
        if form is not BatchForm.JSON
    },
    "model": BatchResponse,
}


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    @routes.post(
        "/generate/batch",
        response_class=Response,
        responses={200: _OK, **ERRORS},
        openapi_extra=bodies.documented(BatchRequest, EXAMPLES),
    )
    async def batch(request: Request) -> Response:
        """Several requests, for several models, in one call: JSON, ZIP or multipart/mixed.

        Each is computed as if it had come alone. What is wrong with one is told in its place and stops no other.
        """
        client = clients.identify(request.scope)
        body = await bodies.read(BatchRequest, request)
        accept = request.headers.get("accept")
        form = negotiation.prefer(accept, _OFFERS) if body.format is None else BatchForm(body.format)
        pipeline.require_ready()
        items = _Items(pipeline, settings, request.scope[ARRIVED], client, request_id(request.scope))
        results = await unless_gone(request.scope, request.receive, items.answer(body.requests))
        content = await asyncio.to_thread(batch_forms.write, form, results)
        request.scope[FACTS] |= {
            "requests": len(results),
            "failed": sum(result.problem is not None for result in results),
            "images": sum(len(result.seeds) for result in results),
            "identity": client,
        }
        return Response(content, media_type=batch_forms.content_type(form, content))

    return routes


class _Items:
    """The requests of one call, which together may make as many pixels as one request."""

    def __init__(self, pipeline: Pipeline, settings: Settings, arrived: float, client: str, identity: str) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._arrived = arrived
        self._client = client
        self._identity = identity
        self._pixels_left = settings.max_pixels

    async def answer(self, requests: list[Any]) -> list[Result]:
        """All at once, so that they share forward passes."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(request)) for request in requests]
        return [task.result() for task in tasks]

    async def _answer(self, request: Any) -> Result:
        try:
            order = self._order(request)
            return Result(await self._pipeline.generate(order), order.seeds.tolist())
        except errors.TesseraError as error:
            return Result(None, [], problems.document(error, self._identity))

    def _order(self, request: Any) -> Order:
        try:
            body = GenerateRequest.model_validate(request)
        except ValidationError as error:
            raise bodies.translated(error) from None
        form = Form(body.format or "png")
        order = orders.order(body, form, arrived=self._arrived, client=self._client, settings=self._settings)
        pixels = self._pipeline.examine(order)
        if pixels > self._pixels_left:
            raise errors.InvalidField(
                f"{pixels} pixels, and the requests before leave {self._pixels_left} of the "
                f"{self._settings.max_pixels} that this service makes in one call",
                "n",
            )
        self._pixels_left -= pixels
        return order
