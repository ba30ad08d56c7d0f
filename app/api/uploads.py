"""POST /variations and /reconstruct: what begins with one image, a seed's or an uploaded one."""

import base64
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from fastapi import APIRouter, Request, Response

from app import errors, rendering
from app.api import bodies, forms, latent_orders, negotiation, problems
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import KINDS_OF_ERROR, OK, facts, headers
from app.api.latent_orders import Caller
from app.api.latent_schemas import (
    VARIATIONS_EXAMPLES,
    Reconstructed,
    ReconstructForm,
    VariationsForm,
    VariationsRequest,
)
from app.codes import WithCodes
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.images.provenance import Recipe
from app.images.uploads import FIELD
from app.mixing import Around, Float32s, Given
from app.order import Order
from app.pipeline import Answer, Pipeline, Render
from app.rendering import Form, Images, Layout
from app.settings import Settings
from app.uploading import Uploads

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

B = TypeVar("B", VariationsForm, ReconstructForm)
Plan = tuple[Order, Render]

ROUTES = ("/variations", "/reconstruct")
FORM = "multipart/form-data"

_ERRORS = problems.documented(*KINDS_OF_ERROR, errors.InvalidForm, errors.CannotEncode)
_ONE = tuple((form.media_type, form) for form in Form if form is not Form.ZIP)
_ONE_OK: dict[str, Any] = {
    "description": "The image that the model makes of the code; as JSON with the code.",
    "headers": OK["headers"],
    "content": {form.media_type: {"schema": {"type": "string", "format": "binary"}} for form in Form if form.is_grid},
    "model": Reconstructed,
}


def router(pipeline: Pipeline, uploads: Uploads, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    async def answer(request: Request, order: Order, work: Coroutine[Any, Any, Answer]) -> Response:
        made = await unless_gone(request.scope, request.receive, work)
        request.scope[FACTS] |= facts(order, made)
        return Response(made.body, media_type=made.media_type, headers=headers(order, made))

    @routes.post(
        "/variations",
        response_class=Response,
        responses={200: OK, **_ERRORS},
        openapi_extra=_documented(
            forms.documented(VariationsForm), bodies.documented(VariationsRequest, VARIATIONS_EXAMPLES)
        ),
    )
    async def variations(request: Request) -> Response:
        """Images around that of a seed, of a code or of an uploaded file. `strength` says how far."""
        caller = Caller(clients.identify(request.scope), request.scope[ARRIVED])
        if forms.is_form(request):
            return await around_upload(request, caller)
        body = await bodies.read(VariationsRequest, request, or_else=FORM)
        given = [] if (body.seed is None) != (body.code is None) else [("seed", "give seed or code, one of them")]
        latent_orders.check(body, body.n, settings, given)
        form = negotiation.choose(body.format, request.headers.get("accept"))
        after = 0 if body.seed is None else body.seed + 1
        first = after if body.variation_seed is None else body.variation_seed
        seeds = [body.seed or 0, *latent_orders.run(first, body.n)]
        mix = latent_orders.with_codes(
            Around(body.seed, body.n, body.strength), {0: body.code} if body.code else {}, body.n + 1
        )
        if body.code:
            latent_orders.check_codes(body, mix, {0: ("code", body.code)}, pipeline.find(body.model))
        order = latent_orders.order(body, seeds, mix, form, caller, settings)
        return await answer(request, order, pipeline.generate(order))

    async def around_upload(request: Request, caller: Caller) -> Response:
        body, file = await forms.read(VariationsForm, request)
        latent_orders.check(body, body.n, settings)
        form = negotiation.choose(body.format, request.headers.get("accept"))
        served = uploads.model(body.model)
        seeds = [0, *latent_orders.run(body.variation_seed or 0, body.n)]

        def planned(code: Float32s) -> Plan:
            mix = WithCodes(Around(None, body.n, body.strength), {0: code}, body.n + 1)
            return latent_orders.order(_bound(body, served), seeds, mix, form, caller, settings), rendering.render

        return await answer(request, *begun(planned, served, file, body))

    @routes.post(
        "/reconstruct",
        response_class=Response,
        responses={200: _ONE_OK, **_ERRORS},
        openapi_extra=_documented(forms.documented(ReconstructForm)),
    )
    async def reconstruct(request: Request) -> Response:
        """An uploaded image as the model sees it, and with `format=json` its code."""
        caller = Caller(clients.identify(request.scope), request.scope[ARRIVED])
        if not forms.is_form(request):
            sent = request.headers.get("content-type", "no Content-Type")
            raise errors.UnsupportedMedia(f"the body must be {FORM}, not {sent[:200]}")
        body, file = await forms.read(ReconstructForm, request)
        latent_orders.check(body, 1, settings)
        accept = request.headers.get("accept")
        form = Form(body.format) if body.format else negotiation.prefer(accept, _ONE)
        served = uploads.model(body.model)

        def planned(code: Float32s) -> Plan:
            mix = WithCodes(Given(code[None]), {0: code}, 1)
            order = latent_orders.order(_bound(body, served), [0], mix, form, caller, settings)
            return order, partial(_rendered, code)

        return await answer(request, *begun(planned, served, file, body))

    def begun(
        planned: Callable[[Float32s], Plan], served: "ServedModel", file: bytes, body: VariationsForm | ReconstructForm
    ) -> tuple[Order, Coroutine[Any, Any, Answer]]:
        """The order, and the work that encodes the file and carries it out. What is wrong is told before any of it."""
        blank = np.zeros(served.manifest.latent.dim, np.float32)
        order, _ = planned(blank)
        assert order.mix is not None
        latent_orders.check_codes(body, order.mix, {0: (FIELD, blank)}, served)
        pipeline.examine(order)

        async def work() -> Answer:
            code = await uploads.code(served, file, body.fit, deadline=order.deadline, client=order.client)
            return await pipeline.generate(*planned(code))

        return order, work()

    return routes


def _bound(body: B, served: "ServedModel") -> B:
    """Held to the very version that encodes; a label is text in a form, and a name before it is an index."""
    name = str(body.label)
    label = name if name in served.manifest.classes else body.label
    return body.model_copy(update={"model": served.manifest.ref, "label": label})


def _rendered(code: Float32s, images: Images, recipe: Recipe, form: Form, layout: Layout) -> bytes:
    """One image as it is, without any grid around it; as JSON with its code."""
    if form is not Form.JSON:
        return rendering.render(images, recipe, form, layout)
    (file,) = rendering.files(images, recipe, layout, "png")
    height, width = layout.single(*images.shape[1:3])
    content = Reconstructed(
        model=f"{recipe.model}@{recipe.version}",
        digest=recipe.digest,
        label=str(recipe.labels[0]) if recipe.labels else None,
        truncation_psi=recipe.truncation_psi,
        width=width,
        height=height,
        code=code.tolist(),
        b64_png=base64.b64encode(file).decode("ascii"),
    )
    return content.model_dump_json().encode()


def _documented(*bodies_: dict[str, Any]) -> dict[str, Any]:
    """`openapi_extra` of a route that takes any of these."""
    kinds = [one["requestBody"] for one in bodies_]
    content = {name: kind for one in kinds for name, kind in one["content"].items()}
    return {"requestBody": {"required": all(one["required"] for one in kinds), "content": content}}
