"""Two thousand requests made from the OpenAPI document: every answer is one that the document tells of."""

import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app.errors import EngineFailed
from app.settings import Settings
from benchmarks.conformance import Found, explore

EXAMPLES = 12
KEY = {"Authorization": "Bearer first-key"}


@pytest.fixture(scope="module")
def registry(paint_model: Any, paint_registry: Any) -> Any:
    """The default can encode uploads."""
    return paint_registry(
        paint_model("fashion", classes=("shirt", "shoe", "bag")), paint_model("avatars", version=2, encodes=True)
    )


@pytest.fixture(scope="module")
def service(start: Any, registry: Any) -> Iterator[httpx.Client]:
    settings = Settings(
        host="127.0.0.1",
        port=0,
        api_keys="first-key",
        timeout_ms=5000,
        max_pixels=1_000_000,
        max_images=16,
        max_archive_images=64,
    )
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)  # thousands of request lines, which pytest would keep
    with start(registry, settings) as client:
        yield client
    logging.disable(before)


def explored(service: httpx.Client, examples: int, paths: str = "") -> Found:
    found = Found()
    explore(str(service.base_url).rstrip("/"), examples, found, headers=KEY, paths=paths)
    return found


def test_every_answer_is_documented(service: httpx.Client) -> None:
    found = explored(service, EXAMPLES)
    assert not found.failures, "\n\n".join(f"{title}\n{said}" for title, said in found.failures.items())
    assert found.cases >= 2000
    document = service.get("/openapi.json").json()
    operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert set(found.statuses()) == operations
    never = {operation for operation, told in found.statuses().items() if not any(200 <= s < 300 for s in told)}
    # Chance hits no version of a model, and draws no picture.
    assert never <= {operation for operation in operations if "{version}" in operation} | {"POST /reconstruct"}


def test_an_answer_that_is_not_documented_is_found(service: httpx.Client, registry: Any) -> None:
    batcher = registry.get(None).batcher
    batcher.failure = EngineFailed("nan")
    try:
        found = explored(service, 1, "^/variations$")
    finally:
        batcher.failure = None
    assert "POST /variations: not_a_server_error: Server error" in found.failures
