import base64
import io
import json
import re
import threading
import time
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app import errors
from app.images.readback import read_recipe
from app.settings import Settings


def generate(client: httpx.Client, accept: str | None = None, **fields: Any) -> httpx.Response:
    return client.post("/generate", json=fields, headers={"accept": accept} if accept else {})


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_an_empty_request_is_one_png_from_a_seed_that_is_told(client: httpx.Client) -> None:
    answer = client.post("/generate")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    again = generate(client, seed=int(answer.headers["x-tessera-seeds"]))
    assert again.content == answer.content
    assert pixels(answer).shape == (12, 12, 3)


def test_the_grid_is_laid_out_as_asked(client: httpx.Client) -> None:
    assert pixels(generate(client, n=5)).shape == (2 * 10 + 2, 3 * 10 + 2, 3)
    assert pixels(generate(client, n=5, columns=5, padding=0)).shape == (8, 40, 3)
    assert pixels(generate(client, n=5, columns=99, padding=0)).shape == (8, 40, 3)
    assert pixels(generate(client, n=2, scale=4, padding=1, background="#010203"))[0, 0].tolist() == [1, 2, 3]


def test_tile_k_can_be_asked_for_alone(client: httpx.Client) -> None:
    grid = pixels(generate(client, n=9, seed=2**32 - 4, padding=2))
    for k in range(9):
        tile = pixels(generate(client, n=1, seed=(2**32 - 4 + k) % 2**32, padding=0))
        row, column = divmod(k, 3)
        top, left = 2 + row * 10, 2 + column * 10
        assert (grid[top : top + 8, left : left + 8] == tile).all()


def test_the_headers_say_what_was_made(client: httpx.Client) -> None:
    answer = generate(client, n=4, seed=10)
    assert answer.headers["x-tessera-model"] == "avatars@2"
    assert answer.headers["x-tessera-seeds"] == "10-13"
    assert re.fullmatch(r'"[0-9a-f]{24}"', answer.headers["etag"])
    assert re.fullmatch(r"queue;dur=[\d.]+, infer;dur=[\d.]+, encode;dur=[\d.]+", answer.headers["server-timing"])
    assert answer.headers["x-request-id"]
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_the_tag_follows_pixels_and_encoding(client: httpx.Client) -> None:
    tags = [
        generate(client, **fields).headers["etag"]
        for fields in (
            {"seed": 1},
            {"seed": 1},
            {"seed": 2},
            {"seed": 1, "format": "webp"},
            {"seed": 1, "padding": 0},
        )
    ]
    assert tags[0] == tags[1]
    assert len(set(tags)) == 4


@pytest.mark.parametrize(
    ("accept", "fields", "media_type"),
    [
        ("image/webp", {}, "image/webp"),
        ("image/jpeg", {}, "image/jpeg"),
        ("application/json", {}, "application/json"),
        ("application/zip", {}, "application/zip"),
        ("image/webp", {"format": "jpeg"}, "image/jpeg"),
        ("text/html", {"format": "png"}, "image/png"),
    ],
)
def test_the_form_is_negotiated(client: httpx.Client, accept: str, fields: dict[str, Any], media_type: str) -> None:
    assert generate(client, accept, **fields).headers["content-type"] == media_type


def test_nothing_acceptable_is_406(client: httpx.Client) -> None:
    answer = generate(client, "text/html")
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_json_and_zip_hold_the_single_images(client: httpx.Client) -> None:
    body = generate(client, n=3, seed=5, format="json", model="fashion", label="shoe").json()
    assert (body["model"], len(body["images"])) == ("fashion@1", 3)
    assert [image["label"] for image in body["images"]] == ["shoe"] * 3
    single = generate(client, seed=6, model="fashion@1", label=1, padding=0)
    assert base64.b64decode(body["images"][1]["b64_png"])[-12:] == single.content[-12:]
    archive = zipfile.ZipFile(io.BytesIO(generate(client, n=3, seed=5, format="zip").content))
    rows = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
    assert [row["seed"] for row in rows] == [5, 6, 7]


def test_the_image_carries_its_recipe(client: httpx.Client) -> None:
    recipe = read_recipe(generate(client, seeds=[7, 70], model="fashion", labels=["bag", 0]).content)
    assert (recipe["model"], recipe["version"], recipe["seeds"]) == ("fashion", 1, [7, 70])
    assert recipe["labels"] == ["bag", "shirt"]


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"n": 257}, 422, "invalid_field", "n"),
        ({"seeds": [0] * 257}, 422, "invalid_field", "seeds"),
        ({"timeout_ms": 5001}, 422, "invalid_field", "timeout_ms"),
        ({"seed": 1, "seeds": [1]}, 422, "invalid_field", "seeds"),
        ({"n": 2, "seeds": [1]}, 422, "invalid_field", "seeds"),
        ({"n": 256, "scale": 16, "columns": 1, "padding": 64}, 422, "invalid_field", "scale"),
        ({"background": "#00000080"}, 422, "invalid_field", "background"),
        ({"model": "nobody"}, 404, "unknown_model", "model"),
        ({"model": "avatars@9"}, 404, "unknown_model", "model"),
        ({"label": 0}, 422, "invalid_field", "label"),
        ({"model": "fashion", "label": "sho"}, 422, "invalid_field", "label"),
        ({"model": "fashion", "labels": [0, 3]}, 422, "invalid_field", "labels.1"),
        ({"steps": 4}, 422, "invalid_field", "steps"),
    ],
)
def test_a_wrong_request_is_told_which_field(
    start: Any, client: httpx.Client, fields: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = generate(client, **fields)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (status, code, field)
    assert problem["errors"][0]["field"] == field
    assert problem["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (errors.QueueFull("full", 2.5), 429),
        (errors.QuotaExceeded("too much of the queue is yours", 2.5), 429),
        (errors.NotLoaded("loading", 2.5), 503),
        (errors.DeadlineExceeded("too late"), 504),
        (errors.EngineFailed("nan"), 500),
    ],
)
def test_what_the_inside_raises_has_its_status(
    client: httpx.Client, admission: Any, refusal: Exception, status: int
) -> None:
    admission.refuses = refusal
    try:
        answer = generate(client)
    finally:
        admission.refuses = None
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("3" if status in (429, 503) else None)
    assert client.get("/readyz").status_code == 200  # overload is not failure


def test_a_client_that_hangs_up_frees_its_place(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get("fashion").batcher
    batcher.gate = threading.Event()  # only ever seen as "not set"

    class Never:
        async def wait(self) -> None:
            import asyncio

            await asyncio.sleep(60)

    batcher.gate = Never()
    try:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/generate", json={"model": "fashion", "n": 7}, timeout=0.2)
        until = time.monotonic() + 5
        while not batcher.cancelled and time.monotonic() < until:
            time.sleep(0.01)
    finally:
        batcher.gate = None
    assert batcher.cancelled == 7
    assert generate(client, model="fashion").status_code == 200


def test_keys_are_asked_for_where_there_are_any(start: Any, registry: Any) -> None:
    settings = Settings(host="127.0.0.1", port=0, api_keys="first-key,second-key")
    with start(registry, settings) as client:
        for headers in ({}, {"x-api-key": "wrong-key"}, {"authorization": "Basic first-key"}, {"x-api-key": ""}):
            answer = client.post("/generate", content=b"{not even json", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith("Bearer")
        for headers in ({"x-api-key": "first-key"}, {"authorization": "bearer second-key"}):
            assert client.post("/generate", headers=headers).status_code == 200
        names = {asked.client for asked in registry.get(None).batcher.asked[-2:]}
        assert len(names) == 2
        assert not any("first" in name or "second" in name for name in names)
        assert client.get("/models").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.get("/openapi.json").json()["paths"]["/generate"]["post"]["security"]


def test_without_keys_the_address_is_the_client(client: httpx.Client, registry: Any) -> None:
    generate(client)
    assert registry.get(None).batcher.asked[-1].client == "127.0.0.1"
