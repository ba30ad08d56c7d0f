"""GET /images/{model}/{key}.{png,webp,jpg} and GET /seeds/{model}/{seed}.{...}: an image as a URL.

Made for <img src> and for caches in front.
"""

import hashlib
import json
import platform
import re
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app import errors
from app.api import bodies, problems
from app.api.clients import Clients
from app.api.conditional import matches
from app.api.departure import unless_gone
from app.api.generate import facts, headers
from app.api.image_memory import Address, ImageMemory
from app.api.schemas import SEED_MAX
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.images import png
from app.order import Order
from app.pipeline import Pipeline
from app.rendering import Form, Layout
from app.settings import Settings

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

MAX_SIZE = 4096
MAX_KEY = 1024

_FORMS = {"png": Form.PNG, "webp": Form.WEBP, "jpg": Form.JPEG}
_YEAR_S = 31_536_000
# What may change the bytes of a file though the pixels stay: part of the tag, so that it stays a strong one.
_ENCODERS = (
    platform.machine(),
    f"png {png.REVISION}",
    *(f"{name} {version(name)}" for name in ("isal", "numpy", "pillow")),
)

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The image.",
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "Strong, and known before the image is made."},
            "Cache-Control": {"schema": {"type": "string"}, "description": "Immutable when the version is pinned."},
        },
        "content": {form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in _FORMS.values()},
    },
    304: {"description": "What If-None-Match names is still the image; nothing was computed."},
    **problems.documented(
        errors.Unauthorized,
        errors.UnknownModel,
        errors.InvalidField,
        errors.QueueFull,
        errors.EngineFailed,
        errors.Draining,
        errors.DeadlineExceeded,
    ),
}

# For the document only: what is wrong with a path is told below, as one of the tree's errors.
_FILE = Path(json_schema_extra={"pattern": r"^.{1,1024}\.(png|webp|jpg)$"}, description="KEY.png, .webp or .jpg")
_SEED_FILE = Path(
    json_schema_extra={"pattern": r"^[0-9]{1,10}\.(png|webp|jpg)$"}, description="SEED.png, .webp or .jpg"
)

_PARAMETERS = [
    {"name": name, "in": "query", "required": False, "schema": schema, "description": text}
    for name, schema, text in (
        ("size", {"type": "integer", "minimum": 1, "maximum": MAX_SIZE}, "Height in pixels; default: the model's."),
        (
            "label",
            {"type": "string", "minLength": 1, "maxLength": 200},
            "Class name or index; default: drawn by the key.",
        ),
        ("psi", {"type": "number", "minimum": 0, "maximum": 1, "default": 1}, "truncation_psi."),
    )
]

_ROUTE: dict[str, Any] = {
    "response_class": Response,
    "responses": _RESPONSES,
    "openapi_extra": {"parameters": _PARAMETERS},
}


class Query(BaseModel):
    """What may stand behind the question mark."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] | None = None
    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    psi: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0


def seed_of(key: str) -> int:
    """The seed that a key stands for: the first four bytes, big-endian, of the SHA-256 of the key in UTF-8."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:4], "big")


def router(pipeline: Pipeline, clients: Clients, settings: Settings, memory: ImageMemory) -> APIRouter:
    routes = APIRouter(tags=["images"])
    audience = "private" if settings.client_keys() else "public"

    async def answer(model: str, seed: int, form: Form, request: Request, client: str) -> Response:
        query = _query(request)
        served = pipeline.find(model)
        order = Order(
            model=served.manifest.ref,
            seeds=np.array([seed], np.uint32),
            labels=[] if query.label is None else [_label(query.label, served.manifest.classes)],
            label_fields=[] if query.label is None else ["label"],
            truncation_psi=query.psi,
            layout=Layout(None, 0, (255, 255, 255), 1, size=query.size),
            form=form,
            deadline=request.scope[ARRIVED] + settings.timeout_ms / 1000,
            client=client,
        )
        pipeline.examine(order)
        tag = _tag(served, order)
        keeping = f"{audience}, max-age={_YEAR_S}, immutable" if "@" in model else f"{audience}, no-cache"
        caching = {"cache-control": keeping, "etag": f'"{tag}"'}
        memory.learn(request.scope, Address(model, served, tag, caching, request.scope["route"]))
        if matches(request.headers.get("if-none-match"), tag):
            return Response(status_code=304, headers=caching)
        made = memory.images.kept(tag)
        if made is None:
            making = memory.images.get(tag, lambda: pipeline.generate(order))
            made = await unless_gone(request.scope, request.receive, making)
            request.scope[FACTS] |= facts(order, made)
            caching = headers(order, made) | caching
        return Response(made.body, media_type=made.media_type, headers=caching)

    # `path`: any string is a key, one with slashes too.
    @routes.get("/images/{model}/{file:path}", **_ROUTE)
    async def image(model: str, file: Annotated[str, _FILE], request: Request) -> Response:
        """The image of a key, which is any string; `file` is the key and `.png`, `.webp` or `.jpg`.

        The same key is always the same image.
        """
        client = clients.identify(request.scope)
        key, form = _split(file, "key")
        if not 0 < len(key) <= MAX_KEY:
            raise errors.InvalidField(f"a key has 1 to {MAX_KEY} characters, not {len(key)}", "key")
        return await answer(model, seed_of(key), form, request, client)

    @routes.get("/seeds/{model}/{file}", **_ROUTE)
    async def seed(model: str, file: Annotated[str, _SEED_FILE], request: Request) -> Response:
        """The image of a seed, the one that POST /generate makes; `file` is the seed and `.png`, `.webp` or `.jpg`."""
        client = clients.identify(request.scope)
        digits, form = _split(file, "seed")
        return await answer(model, _seed(digits), form, request, client)

    return routes


def _split(file: str, field: str) -> tuple[str, Form]:
    name, dot, extension = file.rpartition(".")
    form = _FORMS.get(extension)
    if not dot or form is None:
        raise errors.InvalidField("the path must end in .png, .webp or .jpg", field)
    return name, form


def _seed(digits: str) -> int:
    """Without leading zeros, so that one image has one address."""
    if not re.fullmatch("0|[1-9][0-9]{0,9}", digits) or int(digits) > SEED_MAX:
        raise errors.InvalidField(f"a seed is a number from 0 to {SEED_MAX}, written without leading zeros", "seed")
    return int(digits)


def _query(request: Request) -> Query:
    given = request.query_params.multi_items()
    if not given:
        return Query()
    twice = [(name, "is given twice") for i, (name, _) in enumerate(given) if name in dict(given[:i])]
    if twice:
        raise errors.InvalidFields(twice)
    try:
        return Query.model_validate(dict(given))
    except ValidationError as error:
        raise bodies.translated(error) from None


def _label(text: str, classes: Sequence[str]) -> int | str:
    """A class may be called "3"; only what no class is called is an index."""
    is_index = text not in classes and re.fullmatch("[0-9]{1,9}", text) is not None
    return int(text) if is_index else text


def _tag(served: "ServedModel", order: Order) -> str:
    """Fixes the bytes without making them: all they depend on, hashed."""
    parts = [
        [served.manifest.ref, served.digest, served.manifest.created, served.engine.device_class, *_ENCODERS],
        [int(order.seeds[0]), list(order.labels), order.truncation_psi, order.layout.size, order.form.value],
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
