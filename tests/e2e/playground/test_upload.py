"""Going on from an image of one's own, where the model can encode; the answers are painted here, the questions real."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

CODE = [0.5, -0.25, 1.0]


@pytest.fixture
def encoding(visit: Any, service: Any, settled: Any) -> Iterator[tuple[Page, list[Any]]]:
    """The page over a model that says that it encodes, and the requests that the page sends for it."""
    listed = service.client.get("/models").json()
    listed["models"][0]["capabilities"].append("encode")
    made = service.client.post("/generate", json={"n": 4, "seed": 1, "format": "json"}).json()
    seen: list[Any] = []

    def answer(route: Route, body: dict[str, Any]) -> None:
        seen.append(route.request)
        route.fulfill(json=body)

    page = settled(visit("#model=avatars@1&seed=1&n=4", refusals={415}))
    expect(page.locator("#field-upload")).to_be_hidden()
    origin = {"model": "avatars@1", "label": None, "code": CODE, "b64_png": made["images"][0]["b64_png"]}
    page.route("**/models", lambda route: route.fulfill(json=listed))
    page.route("**/reconstruct", lambda route: answer(route, origin))
    page.route("**/variations", lambda route: answer(route, made))
    page.reload()
    yield settled(page), seen
    page.unroute_all()


def give(page: Page, content: bytes = b"\x89PNG") -> None:
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": content}
    page.get_by_label("Start from an image of yours").set_input_files(file)


def test_an_image_of_ones_own_is_varied(encoding: Any, settled: Any) -> None:
    page, seen = encoding
    address = page.url
    give(page)
    expect(page.locator("#title")).to_have_text("Variations of your image")
    expect(page.locator("#origin-image")).to_be_visible()
    form, body = seen[0].post_data_buffer, json.loads(seen[1].post_data)
    assert b'name="image"; filename="mine.png"' in form
    assert b'name="model"\r\n\r\navatars@1\r\n' in form
    assert body == {"model": "avatars@1", "n": 4, "code": CODE, "variation_seed": 0, "strength": 0.3}
    assert page.url == address  # no address can hold somebody's image
    expect(page.locator("#copy-link")).to_be_hidden()
    page.locator("#others").click()
    settled(page)
    assert json.loads(seen[2].post_data)["variation_seed"] == 4


def test_a_variation_of_it_has_a_curl_line_and_no_url(encoding: Any) -> None:
    page, _ = encoding
    give(page)
    expect(page.locator("#title")).to_have_text("Variations of your image")
    page.locator("[role=option]").first.click()
    expect(page.locator("#own-url")).to_be_hidden()
    assert '"code":[0.5,-0.25,1]' in page.locator("#own-curl").input_value()
    page.locator("#back").click()
    expect(page.locator("#title")).to_have_text("4 images from seed 1")
    expect(page.locator("#origin")).to_be_hidden()


def test_what_is_wrong_with_the_file_stands_beside_it(encoding: Any) -> None:
    page, _ = encoding
    page.unroute("**/reconstruct")
    detail = {"field": "image", "message": "is no PNG, JPEG or WebP"}
    problem = {"status": 415, "code": "unsupported_media", "detail": "image: no", "errors": [detail]}
    refuse = {"status": 415, "content_type": "application/problem+json", "body": json.dumps(problem)}
    page.route("**/reconstruct", lambda route: route.fulfill(**refuse))
    give(page, b"GIF89a")
    expect(page.locator("#error-upload")).to_have_text("is no PNG, JPEG or WebP")
    expect(page.locator("[role=option]")).to_have_count(4)
