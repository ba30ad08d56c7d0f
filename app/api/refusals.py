"""The answer to a refusal, from a form: what all refusals of one kind have in common is written once.

In an overload there are hundreds a second, and the engine's cores write them.
"""

from functools import lru_cache
from json.encoder import encode_basestring
from typing import NamedTuple

from pydantic_core import to_json

from app.api import problems
from app.errors import Overloaded
from app.front import request_id

# Of the refusal that a form is made from: found again in what is written.
_DETAIL, _IDENTITY, _WAIT = "\0detail", "\0identity", 2_000_000_000


class Written(NamedTuple):
    """An answer as it is sent. fields: of its head, each with the end of its line."""

    status: int
    fields: bytes
    body: bytes


def written(refusal: Overloaded, path: str, identity: bytes) -> Written:
    """What problems.problem says of this refusal to the request of this path and id, and the id."""
    form = _form(type(refusal), path)  # type: ignore[arg-type]  # a class can be hashed, whatever its objects can
    told: dict[bytes, bytes | int | None] = {
        b"detail": encode_basestring(str(refusal)).encode(),  # as to_json does, whose code lies in no cache then
        b"identity": identity,
        b"wait": problems.retry_after(refusal),
    }
    body = form.body % told
    told[b"size"] = len(body)
    return Written(form.status, form.fields % told, body)


@lru_cache(maxsize=64)
def _form(kind: type[Overloaded], path: str) -> Written:
    """With gaps for bytes' `%` by name: detail, identity, wait; in the fields size, too."""
    sample = problems.problem(kind(_DETAIL, _WAIT), {"path": path, request_id.KEY: _IDENTITY})
    headers = dict(sample.raw_headers) | {b"content-length": b"%(size)d", request_id.HEADER: b"%(identity)b"}
    fields = b"".join(b"%b: %b\r\n" % field for field in headers.items())
    body = bytes(sample.body).replace(b"%", b"%%")
    for told, gap in {_DETAIL: b"%(detail)b", _IDENTITY: b'"%(identity)b"'}.items():
        body = body.replace(to_json(told), gap)
    wait = b"%d" % _WAIT
    return Written(sample.status_code, fields.replace(wait, b"%(wait)d"), body.replace(wait, b"%(wait)d"))
