"""POST /v2/models/{model}/infer: latents or seeds in, images out, as clients of the Open Inference Protocol ask."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request, Response

from app import errors
from app.api import bodies, dialects, problems
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import KINDS_OF_ERROR, facts, headers
from app.api.open_inference import tensors
from app.api.open_inference.schemas import EXAMPLES, InferRequest, InferResponse
from app.api.open_inference.tensors import LENGTH_HEADER, Asked
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.images.provenance import Recipe
from app.mixing import Given
from app.order import Order
from app.pipeline import Pipeline
from app.rendering import Form, Images, Layout
from app.settings import Settings

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

_BINARY = "application/octet-stream"
_BYTES = {"schema": {"type": "string", "format": "binary"}}
_BODY = bodies.documented(InferRequest, EXAMPLES)
_BODY["requestBody"]["content"][_BINARY] = _BYTES
_OK: dict[str, Any] = {
    "description": "The images, UINT8 [B, height, width, channels]: in the JSON, or as bytes after it.",
    "headers": {LENGTH_HEADER: {"schema": {"type": "integer"}, "description": "Of the JSON, if bytes follow it."}},
    "content": {_BINARY: _BYTES},
    "model": InferResponse,
}
# The answer is what the request's parameters say, whatever Accept says.
_KINDS_OF_ERROR = [kind for kind in KINDS_OF_ERROR if kind is not errors.NotAcceptable]


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])
    responses = {200: _OK, **problems.documented(*_KINDS_OF_ERROR, dialect=dialects.INFERENCE)}

    @routes.post(
        "/v2/models/{model}/versions/{version}/infer",
        response_class=Response,
        responses=responses,
        openapi_extra=_BODY,
    )
    async def infer_version(model: str, version: str, request: Request) -> Response:
        """As without a version, but of this one."""
        return await infer(f"{model}@{version}", request)

    @routes.post("/v2/models/{model}/infer", response_class=Response, responses=responses, openapi_extra=_BODY)
    async def infer(model: str, request: Request) -> Response:
        """Images of latents (`z`) or of seeds, one a row, with `label` for a model with classes."""
        client = clients.identify(request.scope)
        if (encoding := request.headers.get("content-encoding", "identity")) != "identity":
            raise errors.UnsupportedMedia(f"the body must not be compressed, not {encoding[:200]}")
        asked = tensors.read(await request.body(), request.headers.get(LENGTH_HEADER))
        pipeline.require_ready()
        served = pipeline.find(model)
        order = _order(asked, served, request.scope[ARRIVED], client, settings)
        binary = _binary(asked.request)
        making = pipeline.generate(order, partial(_rendered, asked.request.id, binary))
        answer = await unless_gone(request.scope, request.receive, making)
        request.scope[FACTS] |= facts(order, answer)
        about = headers(order, answer)
        if not binary:
            return Response(answer.body, media_type=answer.media_type, headers=about)
        image = served.manifest.image
        length = len(answer.body) - order.n * image.height * image.width * image.channels
        return Response(answer.body, media_type=_BINARY, headers=about | {LENGTH_HEADER: str(length)})

    return routes


def _binary(request: InferRequest) -> bool:
    default = request.parameters.binary_data_output
    said = request.outputs[0].parameters if request.outputs else None
    return default if said is None or said.binary_data is None else said.binary_data


def _order(asked: Asked, served: "ServedModel", arrived: float, client: str, settings: Settings) -> Order:
    """Raises InvalidFields."""
    wrong = _complaints(asked, served, settings)
    if wrong:
        raise errors.InvalidFields(wrong)
    timeout = asked.request.parameters.timeout
    seeds = np.zeros(1, np.uint32) if asked.seed is None else asked.seed  # beside latents: one that shows nowhere
    labels = [] if asked.label is None else asked.label.tolist()
    return Order(
        model=served.manifest.ref,
        seeds=seeds,
        labels=labels,
        label_fields=["label"] * len(labels),
        truncation_psi=asked.request.parameters.truncation_psi,
        layout=Layout(None, 0, (255, 255, 255), 1),
        form=Form.JSON,
        deadline=arrived + (settings.timeout_ms / 1000 if timeout is None else timeout / 1e6),
        client=client,
        mix=None if asked.z is None else Given(asked.z),
    )


def _complaints(asked: Asked, served: "ServedModel", settings: Settings) -> list[tuple[str, str]]:
    """Every (field, message) that is wrong with the tensors and parameters."""
    if (asked.z is None) == (asked.seed is None):
        return [("inputs", "give z or seed, one of them")]
    dim, wrong = served.manifest.latent.dim, []
    name, rows, columns = ("seed", asked.seed, []) if asked.z is None else ("z", asked.z, [dim])
    assert rows is not None
    n = len(rows)
    if list(rows.shape) != [n, *columns]:
        wrong.append((name, f"must have shape {['B', *columns]}, not {list(rows.shape)}".replace("'", "")))
    elif not 0 < n <= settings.max_images:
        wrong.append((name, f"this service makes 1 to {settings.max_images} images a request, not {n}"))
    elif not np.isfinite(rows).all():
        wrong.append((name, "must be finite"))
    if asked.label is not None and asked.label.shape != (n,):
        wrong.append(("label", f"must have shape [{n}], as many as {name}"))
    if asked.label is None and asked.z is not None and served.manifest.classes:
        wrong.append(("label", "is required beside z: this model has classes"))
    if (asked.request.parameters.timeout or 0) > settings.timeout_ms * 1000:
        wrong.append(("parameters.timeout", f"this service gives a request at most {settings.timeout_ms * 1000} us"))
    return wrong


def _rendered(identity: str | None, binary: bool, images: Images, recipe: Recipe, form: Form, layout: Layout) -> bytes:
    head: dict[str, Any] = {"model_name": recipe.model, "model_version": str(recipe.version)}
    if identity is not None:
        head["id"] = identity
    head["parameters"] = {"digest": recipe.digest, "synthetic": True}
    return tensors.write(head, images, binary=binary)
