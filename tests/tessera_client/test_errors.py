import json
from typing import Any

import httpx
import pytest

import tessera_client
from tessera_client import errors


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    document = {"status": status, "code": code, "detail": "a sentence", "request_id": "id-1", **more}
    headers = {"content-type": "application/problem+json"}
    return httpx.Response(status, content=json.dumps(document), headers=headers)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_json", tessera_client.InvalidRequest),
        (401, "unauthorized", tessera_client.Unauthorized),
        (404, "unknown_model", tessera_client.UnknownModel),
        (404, "not_found", tessera_client.InvalidRequest),
        (409, "cannot_encode", tessera_client.CannotEncode),
        (422, "invalid_field", tessera_client.InvalidRequest),
        (429, "queue_full", tessera_client.Busy),
        (500, "engine_failed", tessera_client.Failed),
        (503, "draining", tessera_client.Unavailable),
        (504, "deadline_exceeded", tessera_client.Failed),
    ],
)
def test_each_problem_has_its_kind(status: int, code: str, kind: type[errors.ServiceError]) -> None:
    error = errors.of_response(problem(status, code))
    assert type(error) is kind
    assert (error.status, error.code, error.detail, error.request_id) == (status, code, "a sentence", "id-1")
    assert str(error) == f"{status} {code}: a sentence"


def test_the_fields_are_named() -> None:
    wrong = [{"field": "n", "message": "is too large"}, {"field": "seeds.3", "message": "is no seed"}]
    assert errors.of_response(problem(422, "invalid_field", errors=wrong)).fields == {
        "n": "is too large",
        "seeds.3": "is no seed",
    }


def test_the_time_to_come_back_is_told() -> None:
    assert errors.of_response(problem(429, "queue_full", retry_after=3)).retry_after == 3


@pytest.mark.parametrize(
    ("response", "detail", "kind"),
    [
        (httpx.Response(502, text="<h1>Bad Gateway</h1>"), "<h1>Bad Gateway</h1>", errors.Failed),
        (httpx.Response(503, headers={"retry-after": "9"}), "Service Unavailable", errors.Unavailable),
        (httpx.Response(413, text="x" * 1000), "x" * 200, errors.InvalidRequest),
        (httpx.Response(307), "Temporary Redirect", errors.InvalidRequest),
        (httpx.Response(500, text="{", headers={"content-type": "application/problem+json"}), "{", errors.Failed),
        (httpx.Response(500, text="[]", headers={"content-type": "application/problem+json"}), "[]", errors.Failed),
    ],
)
def test_what_a_proxy_says_is_an_error_too(response: httpx.Response, detail: str, kind: type) -> None:
    error = errors.of_response(response)
    assert (type(error), error.detail, error.code) == (kind, detail, "")
    assert error.retry_after == (9 if response.status_code == 503 else None)
