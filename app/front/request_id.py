"""The id of a request: the caller's X-Request-ID when it is harmless in logs and headers, else a new one."""

import random
import re
from collections.abc import MutableMapping
from typing import Any

HEADER = b"x-request-id"
KEY = "tessera.request_id"

_HARMLESS = re.compile(rb"[A-Za-z0-9._:@/+=-]{1,128}")


def assign(scope: MutableMapping[str, Any]) -> bytes:
    """Chooses the id, remembers it in the scope and returns it as a header value."""
    identity = given(scope) or new()
    scope[KEY] = identity.decode("ascii")
    return identity


def given(scope: MutableMapping[str, Any]) -> bytes | None:
    """The caller's, if it is harmless."""
    for name, value in scope["headers"]:
        if name == HEADER:
            identity: bytes = value
            return identity if _HARMLESS.fullmatch(identity) else None
    return None


def request_id(scope: MutableMapping[str, Any]) -> str:
    """Empty where no front has assigned one."""
    identity = scope.get(KEY, "")
    return identity if isinstance(identity, str) else ""


def new() -> bytes:
    return b"%032x" % random.getrandbits(128)  # no secret: that no two are alike is enough
