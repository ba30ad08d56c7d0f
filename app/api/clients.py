"""Who is asking: checked against the API keys where there are any, and named for fairness and logs."""

import hashlib

from fastapi import Request

from app.errors import Unauthorized


class Clients:
    """keys: SHA-256 of an API key -> name. Empty: everybody may ask, and the peer address is the name."""

    def __init__(self, keys: dict[bytes, str]) -> None:
        self._keys = keys

    @property
    def closed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._keys)

    def identify(self, request: Request) -> str:
        """Raises Unauthorized. Looking up a digest tells an attacker's clock nothing about the key."""
        if not self._keys:
            return request.client.host if request.client else "local"
        sent = _key(request)
        if sent is None:
            raise Unauthorized("this service needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY")
        name = self._keys.get(hashlib.sha256(sent.encode("latin-1", "replace")).digest())
        if name is None:
            raise Unauthorized("this API key is not known here")
        return name


def _key(request: Request) -> str | None:
    direct = request.headers.get("x-api-key")
    if direct is not None:
        return direct.strip()
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None
