import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from app import errors
from app.api import bodies, problems
from app.api.schemas import GenerateRequest, Problem
from app.front.request_id import KEY


def every_error() -> list[type[errors.TesseraError]]:
    found, waiting = [], [errors.TesseraError]
    while waiting:
        kind = waiting.pop()
        found.append(kind)
        waiting += kind.__subclasses__()
    return found


def example(kind: type[errors.TesseraError]) -> errors.TesseraError:
    if issubclass(kind, errors.InvalidFields):
        return kind([("seed", "is wrong"), ("labels.3", "is worse")])
    if issubclass(kind, errors.Overloaded | errors.Unavailable):
        return kind("a sentence", 1.2)
    if issubclass(kind, errors.ModelRejected):
        return kind(problems.__file__, "a reason")  # type: ignore[arg-type]
    return kind("a sentence")


def answer_to(error: errors.TesseraError, path: str = "/generate") -> Response:
    return problems.problem(error, {"path": path, KEY: "id-1"})


@pytest.mark.parametrize("kind", every_error())
def test_every_error_of_the_tree_has_a_status_and_is_a_valid_problem(kind: type[errors.TesseraError]) -> None:
    answer = answer_to(example(kind))
    document = json.loads(bytes(answer.body))
    assert 400 <= answer.status_code < 600
    assert answer.headers["content-type"] == "application/problem+json"
    assert (document["status"], document["code"]) == (answer.status_code, kind.code)
    assert document["type"] == f"urn:tessera:problem:{kind.code}"
    assert document["request_id"] == "id-1"
    Problem.model_validate(document, extra="forbid")


@pytest.mark.parametrize("kind", every_error())
def test_429_and_503_always_say_when_to_come_back(kind: type[errors.TesseraError]) -> None:
    answer = answer_to(example(kind))
    assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503))


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.2, "2"), (-3.0, "1"), (float("inf"), "60")])
def test_retry_after_is_whole_seconds_and_never_zero(seconds: float, header: str) -> None:
    answer = answer_to(errors.QueueFull("full", seconds))
    assert answer.headers["retry-after"] == header
    assert json.loads(bytes(answer.body))["retry_after"] == int(header)


def test_several_fields_are_all_named() -> None:
    document = json.loads(bytes(answer_to(example(errors.InvalidFields)).body))
    assert document["field"] == "seed"
    assert document["errors"] == [
        {"field": "seed", "message": "is wrong"},
        {"field": "labels.3", "message": "is worse"},
    ]


def test_a_key_is_asked_for_the_standard_way() -> None:
    assert answer_to(errors.Unauthorized("no")).headers["www-authenticate"].startswith("Bearer")


def application() -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.post("/generate")
    async def generate(request: Request) -> dict[str, Any]:
        return (await bodies.read(GenerateRequest, request)).model_dump(exclude_unset=True)

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("secret")

    return app


APP = application()


def ask(method: str, path: str, **parameters: Any) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(APP, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, **parameters)

    return asyncio.run(go())


def post(content: str | bytes, media_type: str | None = "application/json") -> httpx.Response:
    return ask("POST", "/generate", content=content, headers={"content-type": media_type} if media_type else {})


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"n": 0}', {"n"}),
        ('{"n": -1}', {"n"}),
        ('{"n": "4"}', {"n"}),
        ('{"n": 4.0}', {"n"}),
        ('{"n": true}', {"n"}),
        ('{"n": [1]}', {"n"}),
        ('{"seed": -1}', {"seed"}),
        ('{"seed": 4294967296}', {"seed"}),
        ('{"seed": 1e3}', {"seed"}),
        ('{"seed": 99999999999999999999999999}', {"seed"}),
        ('{"seed": "1"}', {"seed"}),
        ('{"seeds": []}', {"seeds"}),
        ('{"seeds": [1, -1, 2, "x"]}', {"seeds.1", "seeds.3"}),
        ('{"seeds": 3}', {"seeds"}),
        ('{"seeds": {"0": 1}}', {"seeds"}),
        ('{"label": 1.5}', {"label"}),
        ('{"label": ""}', {"label"}),
        ('{"label": []}', {"label"}),
        ('{"label": true}', {"label"}),
        ('{"labels": ["a", 1, null]}', {"labels.2"}),
        ('{"truncation_psi": 1.01}', {"truncation_psi"}),
        ('{"truncation_psi": -0.01}', {"truncation_psi"}),
        ('{"truncation_psi": NaN}', {"truncation_psi"}),
        ('{"truncation_psi": Infinity}', {"truncation_psi"}),
        ('{"truncation_psi": "0.5"}', {"truncation_psi"}),
        ('{"columns": 0}', {"columns"}),
        ('{"padding": -1}', {"padding"}),
        ('{"padding": 65}', {"padding"}),
        ('{"background": "white"}', {"background"}),
        ('{"background": "#12345"}', {"background"}),
        ('{"background": "#ffffff\\n"}', {"background"}),
        ('{"background": 0}', {"background"}),
        ('{"scale": 0}', {"scale"}),
        ('{"scale": 17}', {"scale"}),
        ('{"format": "gif"}', {"format"}),
        ('{"format": "PNG"}', {"format"}),
        ('{"timeout_ms": 0}', {"timeout_ms"}),
        ('{"model": ""}', {"model"}),
        ('{"model": 3}', {"model"}),
        ('{"Seed": 1}', {"Seed"}),
        ('{"steps": 50, "n": 0, "cfg": {"a": 1}}', {"steps", "n", "cfg"}),
        ('{"__proto__": 1}', {"__proto__"}),
    ],
)
def test_a_bad_field_is_422_and_named(body: str, fields: set[str]) -> None:
    answer = post(body)
    assert answer.status_code == 422, answer.text
    document = answer.json()
    assert document["code"] == "invalid_field"
    assert {error["field"] for error in document["errors"]} == fields
    assert document["field"] == document["errors"][0]["field"]
    assert all(error["message"] for error in document["errors"])
    assert "[" not in document["field"]


@pytest.mark.parametrize("body", ["[]", "3", '"text"', "null", "true", "[{}]"])
def test_a_body_that_is_not_an_object_is_422(body: str) -> None:
    answer = post(body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "{n: 1}",
        "{'n': 1}",
        '{"n": 1,}',
        '{"n": 01}',
        "n=1",
        "\x00",
        '{"model": "\\ud800"}',
        '{"a":' * 100_000,
        "[" * 100_000,
    ],
)
def test_a_body_that_is_not_json_is_400(body: str) -> None:
    answer = post(body)
    assert answer.status_code == 400, answer.text[:200]
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("body", [b"\xff\xfe\x00", b'{"model": "\xff"}', b'{"n": ' + b"9" * 5000 + b"}"])
def test_bytes_that_are_no_text_are_the_callers_fault(body: bytes) -> None:
    assert post(body).status_code in (400, 422)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_another_media_type_is_415_and_says_what_is_taken(media_type: str | None) -> None:
    answer = post('{"n": 1}', media_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media")
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json"]
)
def test_json_by_any_name_is_taken(media_type: str) -> None:
    assert post('{"n": 1}', media_type).json() == {"n": 1}


def test_what_the_framework_refuses_is_a_problem_too() -> None:
    missing, method = ask("GET", "/nowhere"), ask("PUT", "/generate")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    assert (method.status_code, method.json()["code"]) == (405, "method_not_allowed")
    assert method.headers["allow"] == "POST"
    assert missing.headers["content-type"] == method.headers["content-type"] == "application/problem+json"


def test_a_bug_keeps_its_secret() -> None:
    answer = ask("GET", "/bug")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
