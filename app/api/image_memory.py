"""What GET /images and /seeds answered before, answered again ahead of the router: what pages and caches ask most.

A path and query, as sent, come to the same tag for as long as the same model serves at that name; so the second time
nothing is parsed, checked or hashed. What is not known here, or was forgotten, goes the usual way.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.api.clients import Clients
from app.api.conditional import matches
from app.errors import TesseraError
from app.pipeline import Answer
from app.sharing import Shared

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

CACHE_BYTES = 64 * 1_048_576
_ADDRESSES = 8_192
_LONGEST = 512  # characters of an address that is kept

_Headers = list[tuple[bytes, bytes]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Address:
    """What a path and query came to. model: as in the path; served: what that was. headers: of 200 and of 304."""

    model: str
    served: "ServedModel"
    tag: str
    headers: dict[str, str]
    route: Any

    def encoded(self) -> _Headers:
        return [(name.encode(), value.encode("latin-1")) for name, value in self.headers.items()]


class ImageMemory:
    """The latest images by tag, and the latest addresses. find: the model that serves at a name."""

    def __init__(self, find: "Callable[[str], ServedModel]", clients: Clients) -> None:
        self.images: Shared[Answer] = Shared(CACHE_BYTES)
        self._find = find
        self._clients = clients
        self._addresses: OrderedDict[tuple[str, bytes], tuple[Address, _Headers]] = OrderedDict()

    def learn(self, scope: Any, address: Address) -> None:
        """scope: of a request for this address."""
        key = scope["path"], scope["query_string"]
        if len(key[0]) + len(key[1]) <= _LONGEST:
            self._addresses[key] = address, address.encoded()
            if len(self._addresses) > _ADDRESSES:
                self._addresses.popitem(last=False)

    def before(self, inside: ASGIApp) -> ASGIApp:
        """Answers what it can, and hands the rest on."""

        async def remembered(scope: Any, receive: Any, send: Any) -> None:
            found = self._recall(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
            if found is None:
                await inside(scope, receive, send)
                return
            status, headers, body = found
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        return remembered

    def _recall(self, scope: Any) -> tuple[int, _Headers, bytes] | None:
        """Status, headers and body; None if it has to be found out."""
        key = scope["path"], scope["query_string"]
        known = self._addresses.get(key)
        if known is None:
            return None
        address, headers = known
        if not self._holds(address, scope):
            return None
        self._addresses.move_to_end(key)
        scope["route"] = address.route
        for name, value in scope["headers"]:
            if name == b"if-none-match" and matches(value.decode("latin-1"), address.tag):
                return 304, headers, b""
        answer = self.images.kept(address.tag)
        if answer is None:
            return None
        own = (b"content-type", answer.media_type.encode()), (b"content-length", b"%d" % len(answer.body))
        return 200, [*own, *headers], answer.body

    def _holds(self, address: Address, scope: Any) -> bool:
        try:
            if self._clients.closed:
                self._clients.identify(scope)
            return self._find(address.model) is address.served
        except TesseraError:
            return False
