"""Errors as RFC 9457 problem documents: the one table error -> status, and the handlers that use it.

Where a path belongs to another protocol, the answer says the same in that protocol's words (dialects.py).
"""

import math
from typing import Any

from fastapi import FastAPI, Request, Response
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from app import errors
from app.api import dialects
from app.api.dialects import Dialect
from app.api.whole import Headers, Whole
from app.front.limits import Scope
from app.front.request_id import request_id

MEDIA_TYPE = dialects.PROBLEM.media_type

# The most derived class that stands here decides.
STATUS: dict[type[errors.TesseraError], tuple[int, str]] = {
    errors.RequestError: (400, "The request cannot be served as sent"),
    errors.InvalidJSON: (400, "The body is not JSON"),
    errors.InvalidForm: (400, "The body is not a form"),
    errors.Unauthorized: (401, "An API key is needed"),
    errors.UnknownModel: (404, "No such model"),
    errors.NotAcceptable: (406, "No acceptable media type"),
    errors.ReceiveTimeout: (408, "The request did not arrive in time"),
    errors.CannotEncode: (409, "The model cannot encode images"),
    errors.PayloadTooLarge: (413, "The body is too large"),
    errors.UnsupportedMedia: (415, "Unsupported media type"),
    errors.InvalidField: (422, "A field is wrong"),
    errors.InvalidFields: (422, "A field is wrong"),
    errors.Overloaded: (429, "Too much to finish in time"),
    errors.EngineFailed: (500, "The forward pass failed"),
    errors.Unavailable: (503, "The service takes no work now"),
    errors.DeviceLost: (503, "The accelerator is gone"),
    errors.DeadlineExceeded: (504, "The deadline passed"),
    errors.TesseraError: (500, "Internal error"),
}

# What Starlette itself refuses (no route, wrong method, ...).
_PLAIN = {
    400: ("bad_request", "The request cannot be served as sent"),
    404: ("not_found", "No such route"),
    405: ("method_not_allowed", "Method not allowed"),
    413: ("payload_too_large", "The body is too large"),
}


def problem(error: errors.TesseraError, scope: Scope) -> Response:
    """The response for an error of the tree to the request of this scope."""
    content = document(error, request_id(scope))
    headers: Headers = []
    if (wait := content.get("retry_after")) is not None:
        headers.append((b"retry-after", b"%d" % wait))
    if content["status"] == 401:
        headers.append((b"www-authenticate", b'Bearer realm="tessera"'))
    if content["status"] in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body was not read
    return _told(content, scope, headers)


def document(error: errors.TesseraError, identity: str = "") -> dict[str, Any]:
    """The problem document of an error of the tree, for a response or a part of one."""
    status, title = _status(type(error))
    content = _document(status, error.code, title, str(error), identity)
    if isinstance(error, errors.RequestError) and error.field:
        named = error.errors if isinstance(error, errors.InvalidFields) else ((error.field, str(error)),)
        content["field"] = error.field
        content["errors"] = [{"field": field, "message": message} for field, message in named]
    wait = retry_after(error)
    if wait is not None:
        content["retry_after"] = wait
    return content


def bug(scope: Scope) -> Response:
    """The response for an exception that is not of the tree: the details are for the log, not for the caller."""
    detail = "an unexpected error; the log has it under this request's id"
    return _told(_document(500, "internal_error", "Internal error", detail, request_id(scope)), scope, [])


def install(app: FastAPI) -> None:
    """Answers every error of `app` with a problem document."""
    app.add_exception_handler(errors.TesseraError, _on_ours)
    app.add_exception_handler(HTTPException, _on_plain)
    app.add_exception_handler(Exception, _on_bug)


def documented(
    *kinds: type[errors.TesseraError], dialect: Dialect = dialects.PROBLEM
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` for the errors that a route can answer with; documentation.py adds the schema itself.

    FastAPI's `model` keyword would document the body as application/json too.
    """
    content = {dialect.media_type: {"schema": {"$ref": f"#/components/schemas/{dialect.schema}"}}}
    answers: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = _status(kind)
        entry = answers.setdefault(status, {"description": title, "content": content})
        if issubclass(kind, errors.Overloaded | errors.Unavailable | errors.DeviceLost):
            entry["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
    return answers


def _status(kind: type[errors.TesseraError]) -> tuple[int, str]:
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def retry_after(error: errors.TesseraError) -> int | None:
    """Whole seconds, at least 1: the header allows no fractions, and 0 would invite a busy loop. None: says nothing."""
    if isinstance(error, (errors.Overloaded, errors.Unavailable)):
        seconds = error.retry_after
        return max(1, math.ceil(seconds)) if math.isfinite(seconds) else 60
    return 5 if isinstance(error, errors.DeviceLost) else None


def _document(status: int, code: str, title: str, detail: str, identity: str) -> dict[str, Any]:
    content = {"type": f"urn:tessera:problem:{code}", "title": title, "status": status, "code": code, "detail": detail}
    if identity:
        content["request_id"] = identity
    return content


def _told(problem: dict[str, Any], scope: Scope, headers: Headers) -> Response:
    dialect = dialects.spoken_at(scope["path"])
    return Whole(problem["status"], to_json(dialect.told(problem)), dialect.media_type, headers)


async def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.TesseraError)
    return problem(error, request.scope)


async def _on_plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, title = _PLAIN.get(error.status_code, ("error", "Error"))
    detail = f"{request.method} {request.url.path}: {error.detail}"
    content = _document(error.status_code, code, title, detail, request_id(request.scope))
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in (error.headers or {}).items()]
    return _told(content, request.scope, headers)


async def _on_bug(request: Request, error: Exception) -> Response:
    return bug(request.scope)
