"""GET /: the playground, a page of a few static files (app/web), which load nothing from elsewhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from app.api.conditional import matches

_FOLDER = Path(__file__).resolve().parents[1] / "web"
_PAGE = "index.html"
# Written down, because what `mimetypes` says depends on the machine.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# data: and blob: are the images that the page was answered.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "cache-control": "no-cache",  # kept, and asked about each time: a new release shows at once
    "content-security-policy": _POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    tag: str
    headers: Mapping[str, str]


def router() -> APIRouter:
    """Hidden from the OpenAPI document, which is about the service's answers, not its page."""
    routes = APIRouter(include_in_schema=False)
    files = {path.name: _read(path) for path in _FOLDER.iterdir() if path.suffix in _MEDIA_TYPES}

    @routes.get("/")
    async def page(request: Request) -> Response:
        return _answer(files[_PAGE], request)

    @routes.get("/web/{name}")
    async def part(name: str, request: Request) -> Response:
        if name not in files:
            raise HTTPException(404, "no such file")
        return _answer(files[name], request)

    return routes


def _read(path: Path) -> _File:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:32]
    return _File(body, tag, {**_HEADERS, "content-type": _MEDIA_TYPES[path.suffix], "etag": f'"{tag}"'})


def _answer(file: _File, request: Request) -> Response:
    if matches(request.headers.get("if-none-match"), file.tag):
        return Response(status_code=304, headers=file.headers)
    return Response(file.body, headers=file.headers)
