import asyncio
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response

from app.api import direct, problems
from app.errors import InvalidField


def app(seen: list[str]) -> Any:
    """The routes of a service, and before them the direct way; `seen` is told what the service itself is asked."""
    routes = APIRouter()

    @routes.post("/mirror")
    async def mirror(request: Request) -> Response:
        word = (await request.body()).decode()
        if word == "wrong":
            raise InvalidField("no such word", "word")
        return Response(word[::-1], 201, {"x-route": request.scope["route"].path})

    service = FastAPI()
    problems.install(service)
    service.include_router(routes)

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        seen.append(f"{scope['method']} {scope['path']}")
        await service(scope, receive, send)

    return direct.before(noted, routes)


def ask(method: str, path: str, body: str = "drawer", **facts: Any) -> tuple[httpx.Response, list[str]]:
    """facts: laid into the scope."""
    seen: list[str] = []
    inside = app(seen)

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        await inside(scope | facts, receive, send)

    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(outside), base_url="http://service") as client:
            return await client.request(method, path, content=body)

    return asyncio.run(main()), seen


@pytest.mark.parametrize("path", ["/mirror", "/mirror?query=1"])
def test_the_endpoint_is_called_and_nothing_before_it(path: str) -> None:
    answer, seen = ask("POST", path)
    assert (answer.status_code, answer.text, answer.headers["x-route"]) == (201, "reward", "/mirror")
    assert seen == []


def test_errors_are_left_to_the_front() -> None:
    with pytest.raises(InvalidField):
        ask("POST", "/mirror", "wrong")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/mirror", 405), ("POST", "/mirror/x", 404), ("POST", "//mirror", 404)]
)
def test_everything_else_goes_the_frameworks_way(method: str, path: str, status: int) -> None:
    answer, seen = ask(method, f"http://service{path}")
    assert (answer.status_code, seen) == (status, [f"{method} {path}"])


def test_below_a_root_path_it_is_found_as_the_framework_finds_it() -> None:
    assert ask("POST", "/below/mirror", root_path="/below")[1] == []
    answer, seen = ask("POST", "/mirror", root_path="/mirror")
    assert (answer.status_code, len(seen)) == (404, 1)


def test_a_request_that_is_traced_goes_the_frameworks_way_to_the_same_answer() -> None:
    answer, seen = ask("POST", "/mirror", **{"fastapi.telemetry": None})
    assert (answer.text, answer.headers["x-route"], seen) == ("reward", "/mirror", ["POST /mirror"])


def test_other_scopes_pass() -> None:
    passed = []

    async def inside(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    asyncio.run(direct.before(inside)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert passed == ["lifespan"]
