"""The answer to a refusal, from a form: what all refusals of one kind have in common is written once.

In an overload there are hundreds a second, and the engine's cores write them.
"""

from functools import lru_cache
from typing import NamedTuple

from pydantic_core import to_json

from app.api import problems
from app.errors import Overloaded
from app.front import request_id

# Of the refusal that a form is made from: found again in what is written.
_DETAIL, _IDENTITY, _WAIT = "\0detail", "\0identity", 2_000_000_000
_IDENTITY_TOLD, _WAIT_TOLD = to_json(_IDENTITY)[1:-1], b"%d" % _WAIT
_GAPS = {to_json(_DETAIL): b"%(detail)b", _IDENTITY_TOLD: b"%(identity)b", _WAIT_TOLD: b"%(wait)b"}


class Written(NamedTuple):
    """An answer as it is sent. rest: what follows the fields that every answer has; size: of the body."""

    status: int
    rest: bytes
    size: int


class _Form(NamedTuple):
    """rest: with gaps for bytes' `%` by name: detail, identity, wait, size. size: of the body without what its gaps
    hold; identities, waits: how often they are in it."""

    status: int
    rest: bytes
    size: int
    identities: int
    waits: int


def written(refusal: Overloaded, path: str, identity: bytes) -> Written:
    """What problems.problem says of this refusal to the request of this path and id, and the id."""
    form = _form(type(refusal), path)  # type: ignore[arg-type]  # a class can be hashed, whatever its objects can
    detail, wait = to_json(str(refusal)), b"%d" % problems.whole_seconds(refusal.retry_after)
    size = form.size + len(detail) + form.identities * len(identity) + form.waits * len(wait)
    told = {b"detail": detail, b"identity": identity, b"wait": wait, b"size": size}
    return Written(form.status, form.rest % told, size)


@lru_cache(maxsize=64)
def _form(kind: type[Overloaded], path: str) -> _Form:
    sample = problems.problem(kind(_DETAIL, _WAIT), {"path": path, request_id.KEY: _IDENTITY})
    headers = dict(sample.raw_headers) | {b"content-length": b"%(size)d", request_id.HEADER: b"%(identity)b"}
    fields = b"".join(b"%b: %b\r\n" % field for field in headers.items())
    body = bytes(sample.body)
    rest, size = body.replace(b"%", b"%%"), len(body)
    for told, gap in _GAPS.items():
        rest, size = rest.replace(told, gap), size - body.count(told) * len(told)
    fields = fields.replace(_WAIT_TOLD, _GAPS[_WAIT_TOLD])
    identities, waits = body.count(_IDENTITY_TOLD), body.count(_WAIT_TOLD)
    return _Form(sample.status_code, b"%b\r\n%b" % (fields, rest), size, identities, waits)
