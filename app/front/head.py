"""HEAD on every route that has GET (RFC 9110, 9.3.2): the same head, computed the same way, without the body."""

from collections.abc import Awaitable, Callable

from app.front.limits import Message, Receive, Scope

Send = Callable[[Message], Awaitable[None]]


class Head:
    """Hands HEAD on as GET. The server's own scope keeps its method: it frames the answer by that."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inside = {**scope, "method": "GET"}
        try:
            await self.app(inside, receive, without_body)
        finally:
            scope["route"] = inside.get("route")  # what the log and the metrics call it by
