"""Going on from an image of one's own, where the model can encode."""

import base64
import io
import json
import shlex
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def encoder(start_painted: Any) -> Iterator[Any]:
    with start_painted(drain_notice_s=0) as running:
        yield running


@pytest.fixture
def encoding(visit: Any, encoder: Any, settled: Any) -> Page:
    page: Page = settled(visit("#model=avatars@1&seed=1&n=4", base=encoder.url, refusals={415, 422}))
    return page


def picture() -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((40, 40)).convert("RGB").save(file, "PNG")
    return file.getvalue()


def give(page: Page, content: bytes) -> None:
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": content}
    page.get_by_label("Start from an image of yours").set_input_files(file)


def test_a_model_that_cannot_encode_is_given_no_image(visit: Any, settled: Any) -> None:
    expect(settled(visit("#model=avatars@1&seed=1&n=4")).locator("#field-upload")).to_be_hidden()


def test_an_image_of_ones_own_is_varied(encoding: Page, settled: Any) -> None:
    address = encoding.url
    give(encoding, picture())
    expect(encoding.locator("#title")).to_have_text("Variations of your image")
    expect(encoding.locator("#origin-image")).to_have_js_property("naturalWidth", 8)
    assert encoding.url == address  # none can hold somebody's image
    expect(encoding.locator("#copy-link")).to_be_hidden()
    images = encoding.locator("[role=option] img")
    before = images.evaluate_all("images => images.map(image => image.src)")
    assert len(set(before)) == 4
    encoding.locator("#others").click()
    settled(encoding)
    assert set(images.evaluate_all("images => images.map(image => image.src)")).isdisjoint(before)
    encoding.locator("#back").click()
    expect(encoding.locator("#title")).to_have_text("4 images from seed 1")
    expect(encoding.locator("#origin")).to_be_hidden()


def test_a_variation_of_it_has_a_curl_line_and_no_url(encoding: Page) -> None:
    give(encoding, picture())
    expect(encoding.locator("#title")).to_have_text("Variations of your image")
    tile = encoding.locator("[role=option]").nth(2)
    tile.click()
    expect(encoding.locator("#own-url")).to_be_hidden()
    words = shlex.split(encoding.locator("#own-curl").input_value())
    alone = httpx.post(words[-1], json=json.loads(words[words.index("-d") + 1]))
    shown = base64.b64decode(tile.locator("img").evaluate("image => image.src").split(",")[1])
    assert Image.open(io.BytesIO(alone.content)).tobytes() == Image.open(io.BytesIO(shown)).tobytes()


@pytest.mark.parametrize("content", [b"GIF89a", picture()[:60], b""])
def test_what_is_wrong_with_the_file_stands_beside_it(encoding: Page, content: bytes) -> None:
    give(encoding, content)
    expect(encoding.locator("#error-upload")).not_to_be_empty()
    expect(encoding.locator("#error-all")).to_be_empty()
    expect(encoding.locator("#upload")).to_be_focused()
    expect(encoding.locator("[role=option]")).to_have_count(4)
