"""POST /generate."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from app import errors
from app.api import bodies, negotiation, orders, problems
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.schemas import EXAMPLES, Generated, GenerateRequest
from app.api.seed_runs import written
from app.api.whole import Whole
from app.front.front import ARRIVED
from app.front.headers import header
from app.front.journal import FACTS
from app.front.turned_away import JUDGE, PLACE
from app.order import Order
from app.pipeline import Answer, Pipeline
from app.rendering import Form
from app.settings import Settings

_HEADERS: dict[str, Any] = {
    "ETag": "Strong: equal bytes, equal tag.",
    "X-Tessera-Model": "`name@version` that made the images.",
    "X-Tessera-Seeds": "The seed of each image; a run of three or more is written `first-last`.",
    "X-Tessera-Labels": "Of a prompt: the classes that it took, each with its share `w`; names percent-encoded.",
    "Server-Timing": "queue, infer and encode, milliseconds.",
    "X-Request-ID": "As sent, or made here.",
}

OK: dict[str, Any] = {
    "description": "The images: a grid, or single ones as JSON or ZIP.",
    "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
    "content": {
        form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in Form if form is not Form.JSON
    },
    "model": Generated,
}

KINDS_OF_ERROR = (
    errors.InvalidJSON,
    errors.Unauthorized,
    errors.UnknownModel,
    errors.NotAcceptable,
    errors.ReceiveTimeout,
    errors.PayloadTooLarge,
    errors.UnsupportedMedia,
    errors.InvalidField,
    errors.QueueFull,
    errors.EngineFailed,
    errors.Draining,
    errors.DeadlineExceeded,
)
ERRORS = problems.documented(*KINDS_OF_ERROR)


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    @routes.post(
        "/generate",
        response_class=Response,
        responses={200: OK, **ERRORS},
        openapi_extra=bodies.documented(GenerateRequest, EXAMPLES),
    )
    async def generate(request: Request) -> Response:
        """Images from a model: a PNG grid unless `format` or Accept asks for something else.

        A seed is an image: the same model, seed and parameters give the same pixels, alone or in any grid.
        """
        client = clients.identify(request.scope)
        body = await bodies.read(GenerateRequest, request)
        form = negotiation.choose(body.format, header(request.scope, b"accept"))
        arrived = request.scope[ARRIVED]
        order = orders.order(body, form, arrived=arrived, client=client, settings=settings)
        work = pipeline.generate(order, judged=request.scope.get(PLACE))
        try:
            answer = await unless_gone(request.scope, request.receive, work)
        except errors.Overloaded:
            with suppress(errors.TesseraError):  # its model has gone meanwhile
                request.scope[JUDGE] = pipeline.judge(order, order.deadline - arrived)
            raise
        request.scope[FACTS] |= facts(order, answer)
        head = [(name.encode(), value.encode()) for name, value in headers(order, answer).items()]
        return Whole(200, answer.body, answer.media_type, head)

    return routes


def headers(order: Order, answer: Answer) -> dict[str, str]:
    """X-Tessera-Seeds only where seeds name the images."""
    timings = answer.timings
    seeds = written(order.told.tolist())
    return {
        "etag": f'"{answer.etag}"',
        "x-tessera-model": answer.model,
        **({"x-tessera-seeds": seeds} if seeds else {}),
        **({"x-tessera-labels": _written(answer.taken)} if answer.taken else {}),
        "server-timing": f"queue;dur={timings.queue * 1e3:.2f}, infer;dur={timings.infer * 1e3:.2f}, "
        f"encode;dur={timings.encode * 1e3:.2f}",
    }


def _written(taken: Mapping[str, float]) -> str:
    """`ankle-boot;w=0.62, sandal;w=0.38`: names percent-encoded, because a header holds ASCII."""
    return ", ".join(f"{quote(name, safe='')};w={share:g}" for name, share in taken.items())


def facts(order: Order, answer: Answer) -> dict[str, Any]:
    """For the log line."""
    timings = answer.timings
    return {
        "model": answer.model,
        "images": order.n,
        "identity": order.client,
        "queue_ms": round(timings.queue * 1e3, 2),
        "infer_ms": round(timings.infer * 1e3, 2),
        "encode_ms": round(timings.encode * 1e3, 2),
    }
