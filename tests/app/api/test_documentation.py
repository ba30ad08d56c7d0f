import re
from typing import Any

import httpx
import pytest

OWN = ("/docs", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css", "/docs/assets/favicon.png")


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> Any:
    return client.get("/openapi.json").json()


def test_every_route_and_its_problems_are_documented(document: Any) -> None:
    assert set(document["paths"]) == {
        "/generate", "/generate/archive", "/generate/batch", "/images/{model}/{file}", "/seeds/{model}/{file}",
        "/interpolate", "/variations", "/evolve",
        "/v2", "/v2/health/live", "/v2/health/ready",
        "/v2/models/{model}", "/v2/models/{model}/versions/{version}",
        "/v2/models/{model}/ready", "/v2/models/{model}/versions/{version}/ready",
        "/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer",
        "/v1/images/generations", "/v1/models", "/v1/models/{model}",
        "/reconstruct", "/models", "/models/{name}", "/livez", "/readyz", "/metrics",
    }  # fmt: skip
    answers = document["paths"]["/generate"]["post"]["responses"]
    assert set(answers) == {"200", "400", "401", "404", "406", "408", "413", "415", "422", "429", "500", "503", "504"}
    for status, answer in answers.items():
        if status != "200":
            assert list(answer["content"]) == ["application/problem+json"], status
    assert set(answers["200"]["content"]) == {
        "image/png", "image/webp", "image/jpeg", "application/json", "application/zip",
    }  # fmt: skip
    assert "Retry-After" in answers["429"]["headers"]
    assert {"Problem", "FieldError"} <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_limits_of_this_service_are_in_the_schema(document: Any) -> None:
    fields = document["components"]["schemas"]["GenerateRequest"]["properties"]
    assert fields["n"]["anyOf"][0]["maximum"] == 256
    assert fields["seeds"]["anyOf"][0]["maxItems"] == 256
    assert fields["timeout_ms"]["anyOf"][0]["maximum"] == 5000
    assert all(field.get("description") for field in fields.values())


def test_every_example_runs(client: httpx.Client, document: Any) -> None:
    posts = {path: operations["post"] for path, operations in document["paths"].items() if "post" in operations}
    assert {"/generate", "/generate/batch"} <= set(posts)
    for path, operation in posts.items():
        if "application/json" not in (content := operation["requestBody"]["content"]):
            assert "multipart/form-data" in content
            continue
        examples = content["application/json"]["examples"]
        assert len(examples) >= 2, path
        for name, example in examples.items():
            at = path.format(model="avatars", version=2)
            assert client.post(at, json=example["value"]).status_code == 200, (path, name)


def test_the_page_needs_no_other_host(client: httpx.Client) -> None:
    page = client.get("/docs").text
    assert "SwaggerUIBundle" in page
    assert re.findall(r"""(?:src|href)=["'](https?:)?//""", page) == []
    for path in re.findall(r"""(?:src|href)=["']([^"']+)""", page):
        assert client.get(path).status_code == 200, path


@pytest.mark.parametrize("path", OWN)
def test_the_pages_parts_are_served_here(client: httpx.Client, path: str) -> None:
    answer = client.get(path, follow_redirects=True)
    assert answer.status_code == 200
    assert answer.content
