"""The body of a request as a validated object, read by hand.

FastAPI's own body parameter costs a good part of what a small request costs in all, and validates before the caller has
been identified. The errors become the tree's own; documentation.py puts the schemas into the OpenAPI document.
"""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from app.api.fields import named_errors
from app.errors import InvalidFields, InvalidJSON, RequestError, UnsupportedMedia
from app.front.headers import header
from app.front.limits import ClientGone, Receive

T = TypeVar("T", bound=BaseModel)


async def read(kind: type[T], request: Request, *, or_else: str = "") -> T:
    """An empty body counts as `{}`. or_else: a media type that the route takes as well.

    Raises UnsupportedMedia, InvalidJSON, InvalidFields.
    """
    body = await whole(request.receive)
    sent = header(request.scope, b"content-type")
    if not body:
        body = b"{}"
    elif not _is_json(sent or ""):
        taken = " or ".join(filter(None, ("application/json", or_else)))
        raise UnsupportedMedia(f"the body must be {taken}, not {(sent or 'no Content-Type')[:200]}")
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise translated(error) from None


async def whole(receive: Receive) -> bytes:
    """The body: one message behind the front, for which the framework would go through an asynchronous generator.

    Raises ClientGone.
    """
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def documented(kind: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`openapi_extra` of a route that reads `kind`."""
    schema = {"$ref": f"#/components/schemas/{kind.__name__}"}
    content = {"application/json": {"schema": schema, "examples": examples}}
    required = any(field.is_required() for field in kind.model_fields.values())
    return {"requestBody": {"required": required, "content": content}}


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.startswith("application/") and media.endswith("+json"))


def translated(error: ValidationError) -> RequestError:
    """As an error of the tree, every wrong field named in the caller's words."""
    found = error.errors(include_url=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return InvalidJSON(f"the body is not JSON: {found[0]['msg'].removeprefix('Invalid JSON: ')}")
    return InvalidFields(named(error))


def named(error: ValidationError) -> list[tuple[str, str]]:
    """Every wrong field in the caller's words, and what is wrong with it."""
    return named_errors(error.errors(include_url=False, include_input=False))
