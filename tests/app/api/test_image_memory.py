import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app.api import image_memory
from app.api.clients import Clients
from app.api.image_memory import Address, ImageMemory
from app.errors import UnknownModel

TAG = "ab" * 16
ANSWER = SimpleNamespace(body=b"\x89PNG", media_type="image/png")


def scope(path: str = "/images/avatars/k.png", query: bytes = b"", **headers: str) -> dict[str, Any]:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": sent, "client": ("a", 1)}


class Kitchen:
    """A memory, and an application inside it that answers 599."""

    def __init__(self, keys: dict[bytes, str] | None = None) -> None:
        self.served: Any = object()
        self.memory = ImageMemory(self._find, Clients(keys or {}))
        self.outside = self.memory.before(self._inside)

    def _find(self, model: str) -> Any:
        if self.served is None:
            raise UnknownModel("gone", "model")
        return self.served

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 599, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def learn(self, request: dict[str, Any]) -> None:
        self.memory.learn(request, Address("avatars", self.served, TAG, {"etag": f'"{TAG}"'}, "the route"))

    def keep(self) -> None:
        async def make() -> Any:
            return ANSWER

        asyncio.run(self.memory.images.get(TAG, make))

    def ask(self, request: dict[str, Any]) -> tuple[int, dict[bytes, bytes], bytes]:
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)

        asyncio.run(self.outside(request, None, send))
        start, body = messages
        return start["status"], dict(start["headers"]), body["body"]


def test_a_remembered_image_is_answered_again() -> None:
    kitchen = Kitchen()
    kitchen.learn(scope())
    kitchen.keep()
    request = scope()
    status, headers, body = kitchen.ask(request)
    assert (status, body) == (200, ANSWER.body)
    assert headers == {b"content-type": b"image/png", b"content-length": b"4", b"etag": f'"{TAG}"'.encode()}
    assert request["route"] == "the route"


def test_a_known_tag_needs_no_image() -> None:
    kitchen = Kitchen()
    kitchen.learn(scope())
    for sent in (f'"{TAG}"', f'W/"{TAG}"', f'"x", "{TAG}"', "*"):
        assert kitchen.ask(scope(if_none_match=sent)) == (304, {b"etag": f'"{TAG}"'.encode()}, b"")
    assert kitchen.ask(scope(if_none_match='"x"'))[0] == 599


def test_what_is_not_known_goes_the_usual_way() -> None:
    kitchen = Kitchen()
    kitchen.learn(scope())
    assert kitchen.ask(scope())[0] == 599  # the image itself was forgotten
    kitchen.keep()
    for other in (scope("/images/avatars/l.png"), scope(query=b"size=9"), scope() | {"method": "POST"}):
        assert kitchen.ask(other)[0] == 599
    assert kitchen.ask(scope())[0] == 200


def test_another_model_at_the_same_name_makes_it_void() -> None:
    kitchen = Kitchen()
    kitchen.learn(scope())
    kitchen.keep()
    for now in (object(), None):
        kitchen.served = now
        assert kitchen.ask(scope())[0] == 599


def test_with_keys_only_who_has_one_is_answered() -> None:
    from hashlib import sha256

    kitchen = Kitchen({sha256(b"first-key").digest(): "one"})
    kitchen.learn(scope())
    kitchen.keep()
    assert kitchen.ask(scope())[0] == 599
    assert kitchen.ask(scope(x_api_key="wrong-key"))[0] == 599
    assert kitchen.ask(scope(x_api_key="first-key"))[0] == 200


def test_it_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_memory, "_ADDRESSES", 2)
    kitchen = Kitchen()
    kitchen.keep()
    first, second, third = (scope(f"/images/avatars/{i}.png") for i in range(3))
    kitchen.learn(first)
    kitchen.learn(second)
    kitchen.ask(first)
    kitchen.learn(third)  # the one least recently asked for leaves
    assert [kitchen.ask(each)[0] for each in (first, second, third)] == [200, 599, 200]
    long = scope("/images/avatars/" + "x" * 600 + ".png")
    kitchen.learn(long)
    assert kitchen.ask(long)[0] == 599
