"""docs/http.md beside the OpenAPI document: what one knows of a route, the other says. Its examples: tests/e2e."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings


@cache
def page() -> str:
    return (Path(__file__).resolve().parents[1] / "docs" / "http.md").read_text(encoding="utf-8")


@cache
def document() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def bodies() -> list[tuple[str, str]]:
    """(`POST /path`, name of the schema) of every route that reads JSON."""
    found = []
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            if "application/json" in content:
                found.append((f"{method.upper()} {path}", content["application/json"]["schema"]["$ref"].split("/")[-1]))
    return found


def section(route: str) -> str:
    """What stands under the heading of a route; a version in the path has none of its own."""
    heading = re.escape(route.replace("/versions/{version}", ""))
    found = re.search(rf"^## {heading}$.*?(?=^## |\Z)", page(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/http.md has no section {route}"
    return found[0]


def told(route: str) -> str:
    """What docs/http.md says of a route: its section, and whatever paragraph names it elsewhere."""
    paragraphs = page().split("\n\n")
    return "\n".join([section(route), *(text for text in paragraphs if f"`{route}`" in text)])


def rows(text: str, first: str) -> set[str]:
    """The names in the first column of every table that is headed `first`."""
    tables = re.findall(rf"^\| {first} \|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    cells = [line.split("|")[1] for table in tables for line in table.splitlines()[1:]]
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_reader_of_tables_sees_every_name() -> None:
    assert rows("| field | type |\n|---|---|\n| `a`, `b` | `c` |\n\n| other |\n|---|\n| `d` |\n", "field") == {"a", "b"}
    assert len(bodies()) >= 6
    assert "`n`" in told("POST /variations")


@pytest.mark.parametrize(("route", "schema"), bodies())
def test_every_field_is_in_the_reference_and_no_other(route: str, schema: str) -> None:
    fields = set(document()["components"]["schemas"][schema]["properties"])
    missing = {field for field in fields if f"`{field}`" not in told(route)}
    assert missing == set()
    if not route.startswith("POST /v2"):  # whose tables are of tensors
        assert rows(section(route), "field") - fields == set()


def test_every_parameter_of_an_image_is_in_the_reference_and_no_other() -> None:
    route = "/images/{model}/{file}"
    parameters = document()["paths"][route]["get"]["parameters"]
    query = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
    assert rows(section(f"GET {route}"), "parameter") == query


def test_every_status_is_in_the_reference() -> None:
    errors = re.search(r"^## Errors$.*?(?=^## )", page(), re.MULTILINE | re.DOTALL)
    assert errors
    explained = set(re.findall(r"^\| (\d{3}) \|", errors[0], re.MULTILINE))
    problems = {"/Problem", "/OpenAIError", "/InferenceError"}
    answered = {
        status
        for operations in document()["paths"].values()
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if any(
            str(body.get("schema", {}).get("$ref", "")).endswith(tuple(problems))
            for body in answer.get("content", {}).values()
        )
    }
    assert answered >= {"404", "422", "429", "503"}
    assert answered - explained == set()
