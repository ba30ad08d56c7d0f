"""Requests for the routes that are asked most, handed to their endpoints straight from the front.

The framework's way there (error handlers, exit stacks, every route tried in turn) costs more than all else that a
refused request needs. Its routes stay what the OpenAPI document is made from.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute

from app.front.limits import Receive, Scope

ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]

TRACED = "fastapi.telemetry"  # in the scope of a request that FastAPI makes a span for, on its own way


def before(inside: ASGIApp, *routers: APIRouter) -> ASGIApp:
    """Answers what `routers` serve, and hands the rest on. The errors of endpoints are the front's to answer.

    Their paths are fixed, and their endpoints `async def endpoint(request: Request) -> Response` and nothing else.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    known = {(method, route.path): route for route in routes for method in route.methods or ()}

    async def direct(scope: Scope, receive: Receive, send: Any) -> None:
        route = known.get((scope["method"], _path(scope))) if scope["type"] == "http" else None
        if route is None or TRACED in scope:
            await inside(scope, receive, send)
            return
        scope["route"] = route
        response = await route.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return direct


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
