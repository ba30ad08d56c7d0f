import hashlib
import io
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app import errors
from app.api.image_urls import seed_of
from app.images.readback import read_recipe
from app.settings import Settings


def get(client: httpx.Client, path: str, **headers: str) -> httpx.Response:
    return client.get(f"/images/{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})


def pixels(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def computed(registry: Any) -> int:
    return sum(len(served.batcher.asked) for served in registry.models())


def generated(client: httpx.Client) -> float:
    found = re.findall(r"^tessera_images_generated_total\{.*\} (.+)$", client.get("/metrics").text, re.MULTILINE)
    return sum(map(float, found))


def test_the_key_is_a_seed_by_the_documented_hash(client: httpx.Client) -> None:
    assert seed_of("user-42") == int(hashlib.sha256(b"user-42").hexdigest()[:8], 16) == 1837714083
    answer = get(client, "avatars/user-42.png")
    alone = client.post("/generate", json={"seed": seed_of("user-42"), "padding": 0})
    assert (pixels(answer) == pixels(alone)).all()
    assert answer.headers["x-tessera-seeds"] == str(seed_of("user-42"))
    assert read_recipe(answer.content)["seeds"] == [seed_of("user-42")]


@pytest.mark.parametrize(
    "key",
    ["a", "7", "a.b", "a/b", "me@example.org", "Zoë 東京", ".png", "%25", "a?b", "🦊", "x" * 1024],
)
def test_any_string_is_a_key(client: httpx.Client, key: str) -> None:
    from urllib.parse import quote

    answer = get(client, f"avatars/{quote(key, safe='')}.png")
    assert answer.status_code == 200
    assert read_recipe(answer.content)["seeds"] == [seed_of(key)]


@pytest.mark.parametrize(("extension", "kind"), [("png", "PNG"), ("webp", "WEBP"), ("jpg", "JPEG")])
def test_the_extension_is_the_format(client: httpx.Client, extension: str, kind: str) -> None:
    answer = get(client, f"avatars/k.{extension}")
    assert answer.headers["content-type"] == f"image/{kind.lower()}"
    assert Image.open(io.BytesIO(answer.content)).format == kind


def test_size_label_and_psi(client: httpx.Client, registry: Any) -> None:
    assert pixels(get(client, "avatars/k.png?size=20")).shape == (20, 20, 3)
    assert pixels(get(client, "avatars/k.png?size=3")).shape == (3, 3, 3)
    by_name, by_index = (pixels(get(client, f"fashion/k.png?label={label}")) for label in ("bag", "2"))
    assert (by_name == by_index).all()
    get(client, "fashion/psi.png?psi=0&label=Shoe")
    asked = registry.get("fashion").batcher.asked[-1]
    assert (asked.label.tolist(), np.abs(asked.z).max()) == ([1], 0)


def test_a_known_tag_is_answered_without_computing(client: httpx.Client, registry: Any) -> None:
    tag = get(client, "avatars/tag.png").headers["etag"]
    fresh = get(client, "avatars/never-asked.png?size=9").headers["etag"]
    before = computed(registry)
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = get(client, "avatars/tag.png", if_none_match=sent)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert "cache-control" in answer.headers
    assert computed(registry) == before
    assert get(client, "avatars/tag.png?size=9", if_none_match=tag).status_code == 200
    assert get(client, "avatars/tag.webp", if_none_match=tag).status_code == 200
    assert fresh not in (tag, None)


def test_a_tag_that_this_process_has_never_made_is_known_too(start: Any, client: httpx.Client, registry: Any) -> None:
    tag = get(client, "avatars/replica.png").headers["etag"]
    with start(registry, Settings(host="127.0.0.1", port=0)) as other:
        before = computed(registry)
        assert get(other, "avatars/replica.png", if_none_match=tag).status_code == 304
        assert computed(registry) == before
        assert get(other, "avatars/replica.png").headers["etag"] == tag


def test_another_model_file_has_another_tag(client: httpx.Client, registry: Any) -> None:
    tag = get(client, "avatars@2/swap.png").headers["etag"]
    served = registry.get("avatars")
    place = registry.served.index(served)
    registry.served[place] = SimpleNamespace(**vars(served) | {"digest": "cd" * 32})
    try:
        assert get(client, "avatars@2/swap.png", if_none_match=tag).status_code == 200
    finally:
        registry.served[place] = served
    assert get(client, "avatars@2/swap.png", if_none_match=tag).status_code == 304


def test_only_a_pinned_version_is_immutable(client: httpx.Client) -> None:
    assert get(client, "avatars@2/k.png").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert get(client, "avatars/k.png").headers["cache-control"] == "public, no-cache"


def test_the_second_time_it_comes_from_memory(client: httpx.Client, registry: Any) -> None:
    first = get(client, "avatars/memory.png")
    before = computed(registry)
    second = get(client, "avatars/memory.png")
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert computed(registry) == before


def test_many_identical_misses_cost_one_image(client: httpx.Client, registry: Any) -> None:
    batcher = registry.get("avatars").batcher
    go = threading.Event()

    class Gate:
        async def wait(self) -> None:
            import asyncio

            while not go.is_set():
                await asyncio.sleep(0.001)

    before, slots = generated(client), len(batcher.asked)
    batcher.gate = Gate()
    try:
        with ThreadPoolExecutor(64) as pool:
            waiting = [pool.submit(get, client, "avatars/crowd.png") for _ in range(64)]
            while "requests_in_flight 65" not in client.get("/metrics").text:
                assert not any(future.done() for future in waiting)
            go.set()
            answers = [future.result() for future in waiting]
    finally:
        batcher.gate = None
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(batcher.asked) - slots == 1
    assert generated(client) - before == 1


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("nobody/k.png", 404, "model"),
        ("avatars@9/k.png", 404, "model"),
        ("avatars/k.gif", 422, "key"),
        ("avatars/k", 422, "key"),
        ("avatars/.png", 422, "key"),
        ("avatars/" + "x" * 1025 + ".png", 422, "key"),
        ("avatars/k.png?size=0", 422, "size"),
        ("avatars/k.png?size=4097", 422, "size"),
        ("avatars/k.png?size=1001", 422, "size"),
        ("avatars/k.png?size=big", 422, "size"),
        ("avatars/k.png?psi=2", 422, "psi"),
        ("avatars/k.png?psi=nan", 422, "psi"),
        ("avatars/k.png?label=0", 422, "label"),
        ("fashion/k.png?label=boat", 422, "label"),
        ("fashion/k.png?label=3", 422, "label"),
        ("avatars/k.png?seed=3", 422, "seed"),
        ("avatars/k.png?size=8&size=9", 422, "size"),
    ],
)
def test_a_wrong_address_is_told_what_is_wrong(client: httpx.Client, path: str, status: int, field: str) -> None:
    for headers in ({}, {"if_none_match": "*"}):
        answer = get(client, path, **headers)
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert "etag" not in answer.headers


def test_a_failure_is_not_remembered(client: httpx.Client, admission: Any) -> None:
    admission.refuses = errors.QueueFull("full", 2.5)
    try:
        answer = get(client, "avatars/refused.png")
    finally:
        admission.refuses = None
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "cache-control" not in answer.headers
    assert get(client, "avatars/refused.png").status_code == 200


def test_head_gives_the_head(client: httpx.Client) -> None:
    got = get(client, "avatars/head.png")
    head = client.head("/images/avatars/head.png")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type", "cache-control"):
        assert head.headers[name] == got.headers[name]
    assert client.head("/models").status_code == 200
    assert client.head("/generate").status_code == 405
    assert 'route="/models",status="200"' in re.sub(r'method="HEAD",', "", client.get("/metrics").text)


def test_with_keys_only_the_callers_own_cache_may_keep_it(start: Any, registry: Any) -> None:
    with start(registry, Settings(host="127.0.0.1", port=0, api_keys="first-key")) as client:
        assert get(client, "avatars/k.png").status_code == 401
        answer = get(client, "avatars@2/k.png", x_api_key="first-key")
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_a_seed_has_an_address_too(client: httpx.Client, seed: int) -> None:
    answer = client.get(f"/seeds/avatars@2/{seed}.png")
    assert (pixels(answer) == pixels(client.post("/generate", json={"seed": seed, "padding": 0}))).all()
    assert answer.headers["x-tessera-seeds"] == str(seed)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (
        client.get(f"/seeds/avatars@2/{seed}.png", headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    )


def test_a_seed_takes_what_a_key_takes(client: httpx.Client) -> None:
    answer = client.get("/seeds/fashion/7.webp?label=bag&psi=0.5&size=20")
    assert (answer.headers["content-type"], pixels(answer).shape) == ("image/webp", (20, 20, 3))


def test_the_image_of_a_key_and_of_its_seed_are_remembered_as_one(client: httpx.Client, registry: Any) -> None:
    by_key = get(client, "avatars/as-one.png")
    before = computed(registry)
    by_seed = client.get(f"/seeds/avatars/{seed_of('as-one')}.png")
    assert (by_seed.content, by_seed.headers["etag"]) == (by_key.content, by_key.headers["etag"])
    assert computed(registry) == before


@pytest.mark.parametrize(
    "file", ["", "7", "7.gif", ".png", "07.png", "00.png", "-1.png", "+1.png", "1_0.png", "1e3.png"]
)
def test_one_seed_has_one_address(client: httpx.Client, file: str) -> None:
    answer = client.get(f"/seeds/avatars/{file}")
    assert answer.status_code == (422 if file else 404)
    assert not file or answer.json()["field"] == "seed"


@pytest.mark.parametrize("digits", [str(2**32), "9" * 10, "1" * 5000, "%D9%A7", "7%20"])
def test_a_seed_out_of_range_or_in_other_digits_is_refused(client: httpx.Client, digits: str) -> None:
    assert client.get(f"/seeds/avatars/{digits}.png").json()["field"] == "seed"
