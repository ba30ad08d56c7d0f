"""The OpenAPI document and the page that shows it, without any outside host: the page's script ships in a package."""

from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from app.api import forms
from app.api.archive_schemas import ArchiveRequest
from app.api.batch_schemas import BatchRequest
from app.api.latent_schemas import (
    EvolveRequest,
    InterpolateRequest,
    ReconstructForm,
    VariationsForm,
    VariationsRequest,
)
from app.api.open_inference.schemas import InferenceError, InferRequest
from app.api.openai.schemas import ImagesRequest, OpenAIError
from app.api.schemas import GenerateRequest, Problem
from app.settings import Settings

_LATENT_TOOLS = (InterpolateRequest, VariationsRequest, VariationsForm, ReconstructForm, EvolveRequest)
_UPLOADS = (VariationsForm, ReconstructForm)
_READ_BY_HAND = (GenerateRequest, BatchRequest, ArchiveRequest, ImagesRequest, InferRequest, *_LATENT_TOOLS)
_ERRORS = (Problem, OpenAIError, InferenceError)
_ASSETS = "/docs/assets"

DESCRIPTION = """\
Images from models trained on narrow sets, as one PNG grid unless asked for otherwise.

**A seed is an image**: the same model, seed and parameters give the same pixels, alone or in any grid, on any replica.
Errors are RFC 9457 problem documents: branch on `code`. `Retry-After` says when to come back.
"""


def install(app: FastAPI, settings: Settings) -> None:
    """`app` must have been made with docs_url=None; its own page would load scripts from a public host."""
    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]), name="docs-assets")
    app.include_router(_pages(app.title))
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(generate(), settings)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _pages(title: str) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(
            openapi_url=f"{root}/openapi.json",
            title=title,
            swagger_js_url=f"{root}{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{root}{_ASSETS}/favicon.png",
            swagger_ui_parameters={"validatorUrl": None, "tryItOutEnabled": True},
        )

    return routes


def _complete(document: dict[str, Any], settings: Settings) -> None:
    """Adds what no route declares to FastAPI: schemas, the limits that are settings, the security scheme."""
    schemas = document["components"]["schemas"]
    for kind in (*_ERRORS, *_READ_BY_HAND):
        schema = kind.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {kind.__name__: schema}
    _without_default_422(document)
    # In the schema's own class each request is any value: what is wrong with one is told in its place.
    items = [{"$ref": "#/components/schemas/GenerateRequest"}, {"description": "Answered with a problem."}]
    schemas["BatchRequest"]["properties"]["requests"]["items"] = {"anyOf": items}
    fields = schemas["GenerateRequest"]["properties"]
    _limit(fields["n"], "maximum", settings.max_images)
    _limit(fields["seeds"], "maxItems", settings.max_images)
    _limit(fields["labels"], "maxItems", settings.max_images)
    _limit(fields["timeout_ms"], "maximum", settings.timeout_ms)
    _limit(schemas["ImagesRequest"]["properties"]["n"], "maximum", settings.max_images)
    for name, keyword in (("n", "maximum"), ("seeds", "maxItems"), ("labels", "maxItems")):
        _limit(schemas["ArchiveRequest"]["properties"][name], keyword, settings.max_archive_images)
    for kind in _LATENT_TOOLS:
        fields = schemas[kind.__name__]["properties"]
        if "n" in fields:
            fields["n"]["maximum"] = settings.max_images
        _limit(fields["timeout_ms"], "maximum", settings.timeout_ms)
    for kind in _UPLOADS:
        schemas[kind.__name__] = forms.with_image(schemas[kind.__name__])
    if settings.client_keys():
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
        for operation in (each for path in document["paths"].values() for each in path.values()):
            if "images" in operation.get("tags", ()):
                operation["security"] = [{"bearer": []}, {"header": []}]


def _without_default_422(document: dict[str, Any]) -> None:
    """FastAPI documents its own form of validation error wherever a route has a parameter; here it never occurs."""
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    for operations in document["paths"].values():
        for operation in operations.values():
            answer = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
            if answer.get("schema", {}).get("$ref", "").endswith("/HTTPValidationError"):
                del operation["responses"]["422"]


def _limit(field: dict[str, Any], keyword: str, value: int) -> None:
    """Optional fields are `anyOf: [the type, null]`."""
    field["anyOf"][0][keyword] = value
