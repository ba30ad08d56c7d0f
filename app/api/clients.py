"""Who is asking: checked against the API keys where there are any, and named for fairness and logs."""

import hashlib

from app.errors import Unauthorized
from app.front.headers import header
from app.front.limits import Scope


class Clients:
    """keys: SHA-256 of an API key -> name. Empty: everybody may ask, and the peer address is the name."""

    def __init__(self, keys: dict[bytes, str]) -> None:
        self._keys = keys

    @property
    def closed(self) -> bool:
        """Whether a key is needed."""
        return bool(self._keys)

    def identify(self, scope: Scope) -> str:
        """Raises Unauthorized. Looking up a digest tells an attacker's clock nothing about the key."""
        if not self._keys:
            client = scope.get("client")
            return client[0] if client else "local"
        sent = _key(scope)
        if sent is None:
            raise Unauthorized("this service needs an API key: Authorization: Bearer KEY, or X-API-Key: KEY")
        name = self._keys.get(hashlib.sha256(sent.encode("latin-1", "replace")).digest())
        if name is None:
            raise Unauthorized("this API key is not known here")
        return name


def _key(scope: Scope) -> str | None:
    direct = header(scope, b"x-api-key")
    if direct is not None:
        return direct.strip()
    scheme, _, credentials = (header(scope, b"authorization") or "").partition(" ")
    return credentials.strip() if scheme.lower() == "bearer" else None
