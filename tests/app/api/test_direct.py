import asyncio

import httpx
from fastapi import APIRouter, FastAPI, Request, Response

from app.api.direct import DirectRoute
from app.errors import InvalidField


def ask(app: FastAPI, method: str, path: str) -> httpx.Response:
    async def main() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            return await client.request(method, path)

    return asyncio.run(main())


def app() -> FastAPI:
    routes = APIRouter(route_class=DirectRoute)

    @routes.post("/mirror/{word}", responses={418: {"description": "a teapot"}})
    async def mirror(request: Request) -> Response:
        if request.path_params["word"] == "wrong":
            raise InvalidField("no such word", "word")
        return Response(request.path_params["word"][::-1], 201, {"x-kind": "mirror"})

    async def explain(request: Request, error: Exception) -> Response:
        return Response(str(error), 422)

    service = FastAPI(exception_handlers={InvalidField: explain})
    service.include_router(routes)
    return service


def test_the_response_is_the_endpoints_own() -> None:
    answer = ask(app(), "POST", "/mirror/drawer")
    assert (answer.status_code, answer.text, answer.headers["x-kind"]) == (201, "reward", "mirror")


def test_errors_reach_the_handlers_and_other_methods_are_refused() -> None:
    answer = ask(app(), "POST", "/mirror/wrong")
    assert (answer.status_code, answer.text) == (422, "no such word")
    assert ask(app(), "GET", "/mirror/drawer").status_code == 405


def test_it_is_documented_like_any_other_route() -> None:
    operation = app().openapi()["paths"]["/mirror/{word}"]["post"]
    assert "418" in operation["responses"]
