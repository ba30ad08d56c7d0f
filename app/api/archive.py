"""POST /generate/archive."""

import logging
import secrets
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
from fastapi import APIRouter, Request, Response

from app import errors
from app.api import bodies, negotiation
from app.api.archive_schemas import EXAMPLES, ArchiveRequest
from app.api.clients import Clients
from app.api.departure import unless_gone
from app.api.generate import ERRORS, OK
from app.api.schemas import SEED_MAX
from app.api.seed_runs import consecutive
from app.archive import ArchiveOrder, Archives
from app.front.front import ARRIVED
from app.front.journal import FACTS
from app.front.request_id import request_id
from app.pipeline import Pipeline
from app.rendering import Form
from app.settings import Settings

log = logging.getLogger("tessera")

_MEDIA_TYPE = Form.ZIP.media_type
_OFFER = ((_MEDIA_TYPE, Form.ZIP),)

_OK: dict[str, Any] = {
    "description": "metadata.jsonl and the images, sent while they are computed.",
    "headers": {name: OK["headers"][name] for name in ("X-Tessera-Model", "X-Tessera-Seeds", "X-Request-ID")},
    "content": {_MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
}


def router(pipeline: Pipeline, archives: Archives, clients: Clients, settings: Settings) -> APIRouter:
    routes = APIRouter(tags=["images"])

    @routes.post(
        "/generate/archive",
        response_class=Response,
        responses={200: _OK, **ERRORS},
        openapi_extra=bodies.documented(ArchiveRequest, EXAMPLES),
    )
    async def archive(request: Request) -> Response:
        """A data set as a ZIP that is sent while it is computed, in the layout that image-folder loaders read.

        Read slowly, it is made slowly; left, it is not made any further. Each image is exactly the image of its seed.
        """
        client = clients.identify(request.scope)
        body = await bodies.read(ArchiveRequest, request)
        negotiation.prefer(request.headers.get("accept"), _OFFER)
        n = _count(body, settings.max_archive_images)
        first = secrets.randbelow(SEED_MAX + 1) if body.seed is None else body.seed
        model: str = pipeline.find(body.model).manifest.ref
        order = ArchiveOrder(
            model=model,
            seeds=_seeds(body.seeds, first, n),
            labels=[body.label] if body.label is not None else body.labels or (),
            label_fields=["label"]
            if body.label is not None
            else [f"labels.{i}" for i in range(len(body.labels or ()))],
            balanced=body.balanced,
            by_class=body.folders,
            truncation_psi=body.truncation_psi,
            scale=body.scale,
            deadline=request.scope[ARRIVED] + settings.timeout_ms / 1000,
            client=client,
        )
        headers = {"x-tessera-model": model}
        if body.seeds is None:  # a list of them is the caller's own, and longer than a header may be
            headers["x-tessera-seeds"] = consecutive(first, n)
        return _Stream(archives, order, headers)

    return routes


def _count(body: ArchiveRequest, most: int) -> int:
    """Number of images. Raises InvalidFields naming every field that disagrees."""
    given = {name: len(value) for name in ("seeds", "labels") if (value := getattr(body, name)) is not None}
    if not given and body.n is None:
        raise errors.InvalidField("how many images? give n, seeds or labels", "n")
    field, n = ("n", body.n) if body.n is not None else next(iter(given.items()))
    wrong = [(field, f"this service makes at most {most} images an archive, not {n}")] if n > most else []
    if given.get("seeds", n) != n:
        wrong.append(("seeds", f"has {given['seeds']} entries, but {field} says {n}"))
    if given.get("labels", n) > n:
        wrong.append(("labels", f"has {given['labels']} entries, more than the {n} images"))
    if body.seed is not None and body.seeds is not None:
        wrong.append(("seeds", "give seed or seeds, not both"))
    chosen = [name for name in ("label", "labels") if getattr(body, name) is not None]
    chosen += ["balanced"] if body.balanced else []
    if len(chosen) > 1:
        wrong.append((chosen[-1], f"give {' or '.join(chosen)}, not both"))
    if wrong:
        raise errors.InvalidFields(wrong)
    return n


def _seeds(given: Sequence[int] | None, first: int, n: int) -> Any:
    if given is not None:
        return np.array(given, np.uint32)
    return ((first + np.arange(n, dtype=np.uint64)) & SEED_MAX).astype(np.uint32)


class _Stream(Response):
    """The parts of an archive as they are made. Given up when the client leaves; cut off when one cannot be made."""

    def __init__(self, archives: Archives, order: ArchiveOrder, headers: dict[str, str]) -> None:
        super().__init__(media_type=_MEDIA_TYPE, headers=headers)
        del self.headers["content-length"]
        self._archives = archives
        self._order = order

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await unless_gone(scope, receive, self._write(scope, send))

    async def _write(self, scope: Any, send: Any) -> None:
        order = self._order
        sent = scope[FACTS]
        sent |= {"model": order.model, "images": len(order.seeds), "identity": order.client}
        async with aclosing(self._archives.write(order)) as parts:
            first = await anext(parts)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            try:
                async for part in parts:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            except errors.TesseraError as error:
                # Too late for a status. An answer that is not ended is cut, and what was read is seen to be a part.
                log.error("an archive was cut off: %s", error, extra={"facts": {"request_id": request_id(scope)}})
                sent["cut_off"] = error.code
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
