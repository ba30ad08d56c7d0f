"""An address shows everybody the same images."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.playground.page import START, choose, pixels, run, tiles

VIEWS = (
    START,
    f"{START}&psi=0.5&label=shirt&label=shoe",
    "#model=fashion@3&vary=7&from=4294967295&n=4&strength=0.6&label=shoe",
    "#model=avatars@1&evolve=7,9&less=8&seed=5&n=4&strength=0.4",
)


@pytest.mark.parametrize("view", VIEWS)
def test_a_colleague_with_the_link_sees_the_same_images(start: Any, view: str) -> None:
    page = start(view)
    assert page.url.endswith(view)
    assert tiles(start(view, locale="de-DE")) == tiles(page)
    choose(page, 1)
    shown, url, curl = tiles(page), page.locator("#own-url").input_value(), page.locator("#own-curl").input_value()
    assert (pixels(run(curl).content) == pixels(shown[1])).all()
    if "/seeds/" in url:
        assert (pixels(httpx.get(url).content) == pixels(shown[1])).all()
    else:
        assert tiles(start("#" + url.partition("#")[2])) == [shown[1]]


def test_an_interpolation_has_its_address_too(start: Any) -> None:
    page = start("#model=avatars@1&interpolate=7,9,7&frames=1&n=12")
    expect(page.locator("#film-image")).to_have_js_property("naturalHeight", 2 * 128)
    expect(page.locator("#film-image")).to_have_attribute("alt", "From seed 7 to 9 to 7, and back")


def test_a_name_without_a_version_is_pinned(start: Any) -> None:
    assert "model=fashion@3" in start("#model=fashion&seed=7&n=2").url


def test_the_browsers_back_leads_back(start: Any, settled: Any) -> None:
    page = start()
    before = tiles(page)
    choose(page, 0)
    page.locator("#vary").click()
    settled(page)
    page.go_back()
    expect(page.locator("#title")).to_have_text("6 images from seed 7")
    assert tiles(page) == before
    page.go_forward()
    expect(page.locator("#title")).to_have_text("Variations of seed 7")


def test_a_seed_that_the_service_drew_is_in_the_address(start: Any) -> None:
    page = start("#model=avatars@1&n=2")
    assert f"seed={page.locator('#seed').input_value()}" in page.url
    shown = tiles(page)
    assert tiles(start("#" + page.url.partition("#")[2])) == shown
