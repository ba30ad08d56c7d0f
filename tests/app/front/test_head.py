import asyncio
from typing import Any

from app.front.head import Head


def call(method: str) -> tuple[list[Any], dict[str, Any]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = f"found by {scope['method']}"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"abc"})

    sent: list[Any] = []
    scope = {"type": "http", "method": method}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Head(app)(scope, None, send))  # type: ignore[arg-type]
    return sent, scope


def test_head_is_get_without_its_body() -> None:
    got, _ = call("GET")
    head, scope = call("HEAD")
    assert head[0] == got[0]
    assert (got[1]["body"], head[1]["body"]) == (b"abc", b"")
    assert scope == {"type": "http", "method": "HEAD", "route": "found by GET"}


def test_other_methods_and_other_scopes_pass() -> None:
    sent, scope = call("POST")
    assert (sent[1]["body"], scope["route"]) == (b"abc", "found by POST")

    async def lifespan(scope: Any, receive: Any, send: Any) -> None:
        scope["seen"] = True

    scope = {"type": "lifespan"}
    asyncio.run(Head(lifespan)(scope, None, None))  # type: ignore[arg-type]
    assert scope["seen"]
