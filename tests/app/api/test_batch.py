import base64
import email.parser
import email.policy
import io
import json
import threading
import zipfile
from typing import Any

import httpx
import pytest

from app import errors

GOOD = {"n": 2, "seed": 1, "model": "fashion"}


def batch(client: httpx.Client, *requests: Any, **fields: Any) -> httpx.Response:
    return client.post("/generate/batch", json={"requests": requests, **fields})


def test_one_bad_request_of_32_is_31_images_and_one_problem(client: httpx.Client) -> None:
    requests: list[Any] = [{"seed": i, "model": "fashion" if i % 2 else "avatars"} for i in range(32)]
    requests[13] = {"seed": 13, "label": "no such", "model": "fashion"}
    answer = batch(client, *requests)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [422 if i == 13 else 200 for i in range(32)]
    problem = results[13]["problem"]
    assert (problem["code"], problem["field"]) == ("invalid_field", "label")
    assert problem["request_id"] == answer.headers["x-request-id"]
    for i, result in enumerate(results):
        if i != 13:
            alone = client.post("/generate", json=requests[i])
            assert base64.b64decode(result["b64"]) == alone.content
            assert f'"{result["etag"]}"' == alone.headers["etag"]
            assert (result["seeds"], result["model"]) == ([i], alone.headers["x-tessera-model"])


@pytest.mark.parametrize(
    ("bad", "status", "field"),
    [
        ({"model": "nobody"}, 404, "model"),
        ({"n": 257}, 422, "n"),
        ({"steps": 4}, 422, "steps"),
        ({"seed": "1"}, 422, "seed"),
        ({"seeds": [1, -1]}, 422, "seeds.1"),
        ({"timeout_ms": 5001}, 422, "timeout_ms"),
        (7, 422, None),
        (None, 422, None),
        ([], 422, None),
    ],
)
def test_what_is_wrong_with_one_is_told_in_its_place(client: httpx.Client, bad: Any, status: int, field: Any) -> None:
    first, second, third = batch(client, GOOD, bad, GOOD).json()["results"]
    assert first == third
    assert first["status"] == 200
    assert (second["status"], second["problem"].get("field")) == (status, field)
    assert "b64" not in second


def test_zip_holds_files_and_a_line_for_each_request(client: httpx.Client) -> None:
    answer = batch(client, GOOD, {"label": 0}, {"seed": 3, "format": "jpeg"}, format="zip")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["000.png", "002.jpg", "results.jsonl"]
        assert archive.read("000.png") == client.post("/generate", json=GOOD).content
        rows = [json.loads(line) for line in archive.read("results.jsonl").splitlines()]
    assert [row.get("file_name") for row in rows] == ["000.png", None, "002.jpg"]
    assert rows[1]["problem"]["field"] == "label"


def test_multipart_is_what_mail_readers_read(client: httpx.Client) -> None:
    body = {"requests": [GOOD, {"label": 0}, {"seed": 3, "format": "json"}]}
    answer = client.post("/generate/batch", json=body, headers={"accept": "multipart/mixed"})
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + answer.content)
    parts = list(message.iter_parts())  # type: ignore[attr-defined]
    kinds = [part.get_content_type() for part in parts]
    assert kinds == ["image/png", "application/problem+json", "application/json"]
    alone = client.post("/generate", json=GOOD)
    assert parts[0].get_payload(decode=True) == alone.content
    assert parts[0]["X-Tessera-Seeds"] == alone.headers["x-tessera-seeds"]
    assert parts[0]["ETag"] == alone.headers["etag"]
    assert json.loads(parts[1].get_payload(decode=True))["field"] == "label"


def test_equal_calls_have_equal_bytes(client: httpx.Client) -> None:
    for form in ("json", "zip", "multipart"):
        first, second = (batch(client, GOOD, {"seed": 5}, format=form) for _ in range(2))
        assert first.content == second.content
        assert first.headers["content-type"] == second.headers["content-type"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "requests"),
        ({"requests": []}, "requests"),
        ({"requests": [{}] * 257}, "requests"),
        ({"requests": {}}, "requests"),
        ({"requests": [{}], "format": "png"}, "format"),
        ({"requests": [{}], "seed": 1}, "seed"),
    ],
)
def test_a_call_that_is_wrong_as_a_whole_names_its_field(client: httpx.Client, body: Any, field: str) -> None:
    answer = client.post("/generate/batch", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_nothing_acceptable_is_406(client: httpx.Client) -> None:
    answer = client.post("/generate/batch", json={"requests": [{}]}, headers={"accept": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not_acceptable")


def test_together_they_make_no_more_pixels_than_one_request_may(client: httpx.Client) -> None:
    large = {"n": 16, "scale": 16, "padding": 0}  # 262,144 pixels of 1,000,000
    results = batch(client, *[large] * 5, {"seed": 1}).json()["results"]
    assert [result["status"] for result in results] == [200, 200, 200, 422, 422, 200]
    assert results[3]["problem"]["field"] == "n"


def test_a_refusal_says_when_to_come_back_in_its_place(client: httpx.Client, admission: Any) -> None:
    admission.refuses = errors.QueueFull("full", 2.5)
    try:
        answer = batch(client, GOOD)
    finally:
        admission.refuses = None
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert (result["status"], result["problem"]["retry_after"]) == (429, 3)


def test_all_are_in_the_queue_at_once(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get("fashion").batcher
    before = len(batcher.asked)

    class AllHere:
        async def wait(self) -> None:
            import asyncio

            while len(batcher.asked) - before < 8:
                await asyncio.sleep(0)

    batcher.gate = AllHere()
    try:
        results = batch(client, *[GOOD] * 8).json()["results"]
    finally:
        batcher.gate = None
    assert [result["status"] for result in results] == [200] * 8


def test_a_client_that_hangs_up_frees_the_places_of_all(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get("fashion").batcher
    freed = threading.Event()
    before = batcher.cancelled

    class Never:
        async def wait(self) -> None:
            import asyncio

            try:
                await asyncio.sleep(60)
            finally:
                freed.set()

    batcher.gate = Never()
    try:
        with pytest.raises(httpx.ReadTimeout):
            client.post("/generate/batch", json={"requests": [GOOD] * 3}, timeout=0.2)
        assert freed.wait(5)
        assert batch(client, {"seed": 1}).status_code == 200  # the loop has turned: all three were told
    finally:
        batcher.gate = None
    assert batcher.cancelled - before == 6
