import io
import json
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import errors
from app.images.readback import read_recipe
from app.settings import Settings


def ask(client: httpx.Client, **fields: Any) -> httpx.Response:
    return client.post("/generate/archive", json=fields)


def opened(answer: httpx.Response) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def rows(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]


def test_its_files_are_those_of_the_zip_form(client: httpx.Client) -> None:
    fields: dict[str, Any] = {"model": "fashion", "n": 100, "seed": 2**32 - 50, "truncation_psi": 0.5, "scale": 2}
    streamed = opened(ask(client, **fields))
    whole = opened(client.post("/generate", json={**fields, "format": "zip"}))
    assert sorted(streamed.namelist()) == sorted(whole.namelist())
    for name in whole.namelist():  # one by one: a failure says which file, and shows its bytes alone
        assert streamed.read(name) == whole.read(name), name
    assert read_recipe(streamed.read("000050_0.png"))["seeds"] == [0]


def test_the_head_says_what_is_made(client: httpx.Client) -> None:
    answer = ask(client, n=100, seed=2**32 - 2)
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["x-tessera-model"] == "avatars@2"
    assert answer.headers["x-tessera-seeds"] == "4294967294,4294967295,0-97"
    assert answer.headers["x-request-id"]
    assert "content-length" not in answer.headers


def test_equal_requests_have_equal_bytes_and_no_seed_is_a_new_one(client: httpx.Client) -> None:
    assert ask(client, n=9, seed=4).content == ask(client, n=9, seed=4).content
    assert ask(client, n=9).content != ask(client, n=9).content


def test_chosen_seeds(client: httpx.Client) -> None:
    answer = ask(client, seeds=[9, 9, 4_000_000_000])
    assert "x-tessera-seeds" not in answer.headers
    assert [row["seed"] for row in rows(opened(answer))] == [9, 9, 4_000_000_000]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"n": 4, "balanced": True}, ["shirt", "shoe", "bag", "shirt"]),
        ({"n": 4, "labels": ["Bag", 0]}, ["bag", "shirt", "bag", "shirt"]),
        ({"labels": ["Bag", 0]}, ["bag", "shirt"]),
        ({"n": 2, "label": 1}, ["shoe", "shoe"]),
    ],
)
def test_classes_are_chosen_and_dealt(client: httpx.Client, choice: dict[str, Any], expected: list[str]) -> None:
    found = rows(opened(ask(client, model="fashion", seed=1, **choice)))
    assert [row["label"] for row in found] == expected


def test_torchvision_reads_a_folder_for_each_class(client: httpx.Client, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    opened(ask(client, model="fashion", n=9, balanced=True, folders=True)).extractall(tmp_path)
    found = ImageFolder(str(tmp_path))
    assert found.classes == ["bag", "shirt", "shoe"]
    assert sorted(found.targets) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found[0][0].size == (8, 8)


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({}, 422, "n"),
        ({"n": 0}, 422, "n"),
        ({"n": 1001}, 422, "n"),
        ({"seeds": [1] * 1001}, 422, "seeds"),
        ({"labels": [0] * 1001, "model": "fashion"}, 422, "labels"),
        ({"n": "many"}, 422, "n"),
        ({"n": 2, "seeds": [1]}, 422, "seeds"),
        ({"n": 1, "labels": [0, 1], "model": "fashion"}, 422, "labels"),
        ({"seed": 1, "seeds": [1]}, 422, "seeds"),
        ({"n": 2, "label": 0, "balanced": True, "model": "fashion"}, 422, "balanced"),
        ({"n": 2, "label": 0, "labels": [1], "model": "fashion"}, 422, "labels"),
        ({"n": 2, "balanced": True}, 422, "balanced"),
        ({"n": 2, "label": "shoe"}, 422, "label"),
        ({"n": 2, "labels": ["shoe", "boat"], "model": "fashion"}, 422, "labels.1"),
        ({"n": 2, "scale": 17}, 422, "scale"),
        ({"n": 2, "format": "zip"}, 422, "format"),
        ({"n": 2, "model": "nobody"}, 404, "model"),
    ],
)
def test_a_wrong_request_is_told_which_field(
    small: httpx.Client, fields: dict[str, Any], status: int, field: str
) -> None:
    answer = ask(small, **fields)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["field"] == field


@pytest.fixture(scope="module")
def small(start: Any, registry: Any) -> Any:
    with start(registry, Settings(host="127.0.0.1", port=0, max_archive_images=1000, api_keys="")) as client:
        yield client


def test_only_a_zip_can_be_had(client: httpx.Client) -> None:
    for accept, status in (("image/png", 406), ("application/zip", 200), ("application/*", 200)):
        answer = client.post("/generate/archive", json={"n": 1}, headers={"accept": accept})
        assert answer.status_code == status


def test_a_refusal_is_a_problem_and_no_half_archive(client: httpx.Client, admission: Any) -> None:
    admission.refuses = errors.QueueFull("full", 2.5)
    try:
        answer = ask(client, n=1000)
    finally:
        admission.refuses = None
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")


def test_keys_are_asked_for_where_there_are_any(start: Any, registry: Any) -> None:
    with start(registry, Settings(host="127.0.0.1", port=0, api_keys="first-key")) as client:
        assert ask(client, n=1).status_code == 401


class After:
    """A gate that is open for so many pieces, and then raises or never opens."""

    def __init__(self, batcher: Any, pieces: int, failure: Exception | None = None) -> None:
        self.batcher, self.failure = batcher, failure
        self.last = len(batcher.asked) + pieces
        self.reached = threading.Event()

    async def wait(self) -> None:
        import asyncio

        if len(self.batcher.asked) > self.last:
            self.reached.set()
            if self.failure is not None:
                raise self.failure
            await asyncio.Event().wait()


def test_what_fails_half_way_is_cut_and_not_taken_for_whole(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get(None).batcher
    batcher.gate = After(batcher, 3, errors.EngineFailed("nan"))
    try:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
            ask(client, n=1000)
    finally:
        batcher.gate = None
    assert ask(client, n=10).status_code == 200


def test_a_reader_that_leaves_ends_the_work(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get(None).batcher
    before = batcher.cancelled
    batcher.gate = gate = After(batcher, 2)
    try:
        with client.stream("POST", "/generate/archive", json={"n": 10_000}) as answer:
            assert next(answer.iter_raw()).startswith(b"PK\3\4")
            assert gate.reached.wait(5)
        until = time.monotonic() + 5
        while batcher.cancelled == before and time.monotonic() < until:
            time.sleep(0.01)
        assert batcher.cancelled > before
        asked = len(batcher.asked)
    finally:
        batcher.gate = None
    assert ask(client, n=1).status_code == 200  # the loop has turned
    assert len(batcher.asked) == asked + 1
