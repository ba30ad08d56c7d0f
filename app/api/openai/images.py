"""POST /v1/images/generations, as OpenAI's clients call it."""

import base64
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from app import errors, rendering
from app.api import bodies, dialects, orders, problems
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import KINDS_OF_ERROR, facts, headers
from app.api.openai.schemas import EXAMPLES, ImagesRequest, ImagesResponse
from app.api.schemas import MAX_PROMPT
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.images.encode import Format
from app.images.provenance import Recipe
from app.order import Order
from app.pipeline import Pipeline
from app.rendering import Form, Images, Layout
from app.resizing import width
from app.settings import Settings

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

MAX_SIZE = 4096

# The answer is JSON, whatever Accept says.
_KINDS_OF_ERROR = [kind for kind in KINDS_OF_ERROR if kind is not errors.NotAcceptable]


def router(pipeline: Pipeline, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    @routes.post(
        "/v1/images/generations",
        response_model=ImagesResponse,
        responses=problems.documented(*_KINDS_OF_ERROR, dialect=dialects.OPENAI),
        openapi_extra=bodies.documented(ImagesRequest, EXAMPLES),
    )
    async def images(request: Request) -> Response:
        """Images in the form of OpenAI's API, for programs written against that: base64 files in JSON.

        A model with classes draws those that `prompt` means; one without draws what it has learnt.
        """
        client = clients.identify(request.scope)
        body = await bodies.read(ImagesRequest, request)
        pipeline.require_ready()
        served = pipeline.find(body.model)
        order = _order(body, served, request.scope[ARRIVED], client, settings)
        render = partial(_rendered, body.output_format or "png", int(time.time()))
        answer = await unless_gone(request.scope, request.receive, pipeline.generate(order, render))
        request.scope[FACTS] |= facts(order, answer)
        return Response(answer.body, media_type=answer.media_type, headers=headers(order, answer))

    return routes


def _order(body: ImagesRequest, served: "ServedModel", arrived: float, client: str, settings: Settings) -> Order:
    """Raises InvalidFields."""
    manifest = served.manifest
    wrong: list[tuple[str, str]] = []
    n = body.n or 1
    if n > settings.max_images:
        wrong.append(("n", f"this service makes at most {settings.max_images} images a request, not {n}"))
    size = _height(body.size, manifest.image.height, manifest.image.width, wrong)
    prompt = body.prompt.strip() if manifest.classes else ""
    if len(prompt) > MAX_PROMPT:
        wrong.append(("prompt", f"for a model with classes at most {MAX_PROMPT} characters, not {len(prompt)}"))
    _check_background(body, manifest.image.channels, wrong)
    if wrong:
        raise errors.InvalidFields(wrong)
    return Order(
        model=manifest.ref,
        seeds=orders.run(body.seed, n),
        labels=(),
        label_fields=(),
        truncation_psi=1.0 if body.truncation_psi is None else body.truncation_psi,
        layout=Layout(None, 0, (255, 255, 255), 1, size=size),
        form=Form.JSON,
        deadline=arrived + settings.timeout_ms / 1000,
        client=client,
        prompt=prompt,
    )


def _height(size: str | None, own_height: int, own_width: int, wrong: list[tuple[str, str]]) -> int | None:
    """The height to resample to; None: the model's own pixels."""
    if size in (None, "auto", f"{own_width}x{own_height}"):
        return None
    assert size is not None
    asked_width, asked_height = map(int, size.split("x"))
    own = f"the images of this model are {own_width}x{own_height}"
    if asked_width != width(own_height, own_width, asked_height):
        wrong.append(("size", f"{own}, and keep their proportions"))
    elif max(asked_width, asked_height) > MAX_SIZE:
        wrong.append(("size", f"at most {MAX_SIZE} pixels a side"))
    return asked_height


def _check_background(body: ImagesRequest, channels: int, wrong: list[tuple[str, str]]) -> None:
    asked, has = body.background or "auto", _background(channels, body.output_format or "png")
    if asked not in ("auto", has):
        wrong.append(("background", f"what this model draws in this format is {has}"))


def _background(channels: int, output_format: Format) -> str:
    return "transparent" if channels == 4 and output_format != "jpeg" else "opaque"


def _rendered(output_format: Format, created: int, images: Images, recipe: Recipe, form: Form, layout: Layout) -> bytes:
    files = rendering.files(images, recipe, layout, output_format)
    height, width = layout.single(*images.shape[1:3])
    content = {
        "created": created,
        "background": _background(images.shape[3], output_format),
        "output_format": output_format,
        "size": f"{width}x{height}",
        "model": f"{recipe.model}@{recipe.version}",
        "digest": recipe.digest,
        "data": [_image(file, recipe, i) for i, file in enumerate(files)],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _image(file: bytes, recipe: Recipe, i: int) -> dict[str, Any]:
    image = {"b64_json": base64.b64encode(file).decode("ascii"), "seed": int(recipe.seeds[i])}
    return image | ({"revised_prompt": recipe.labels[i]} if recipe.labels else {})
