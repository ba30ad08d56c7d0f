"""The images are those that the fields ask for."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.playground.page import START, choose, pixels, tiles


def test_it_opens_with_images_of_the_default_model(start: Any) -> None:
    page = start("")
    assert page.title() == "Tessera"
    expect(page.locator("[role=option]")).to_have_count(24)
    assert page.locator("#model").input_value() == "avatars@1"
    expect(page.locator("#field-labels")).to_be_hidden()
    said = page.locator("#said").inner_text()
    assert re.fullmatch(r"24 images in \d+ ms: [\d.]+ queued, [\d.]+ computed, [\d.]+ encoded\.", said)


def test_a_tile_is_the_image_of_its_seed(start: Any, service: Any) -> None:
    page = start()
    for k, tile in enumerate(tiles(page)):
        alone = service.client.post("/generate", json={"model": "fashion@3", "seed": 7 + k, "padding": 0})
        assert (pixels(tile) == pixels(alone.content)).all()


def set_slider(page: Page, name: str, value: str) -> None:
    page.locator(f"#{name}").fill(value)


def test_variety_strength_and_number_hold_for_what_is_shown(start: Any, settled: Any, service: Any) -> None:
    page = start()
    set_slider(page, "psi", "0.5")
    settled(page)
    assert "psi=0.5" in page.url
    calm = service.client.get("/seeds/fashion@3/7.png?psi=0.5")
    assert (pixels(tiles(page)[0]) == pixels(calm.content)).all()
    choose(page, 0)
    page.locator("#vary").click()
    settled(page)
    set_slider(page, "strength", "0")
    settled(page)
    assert "strength=0" in page.url
    assert all((pixels(tile) == pixels(calm.content)).all() for tile in tiles(page))
    page.locator("#n").fill("3")
    page.locator("#n").press("Tab")
    expect(page.locator("[role=option]")).to_have_count(3)
    assert "vary=7" in page.url


def test_labels_take_turns(start: Any, settled: Any) -> None:
    page = start()
    for name in ("shirt", "shoe"):
        page.get_by_role("checkbox", name=name).focus()
        page.keyboard.press("Space")
        settled(page)
        expect(page.get_by_role("checkbox", name=name)).to_be_focused()
    names = page.locator("[role=option]").evaluate_all("options => options.map(option => option.ariaLabel)")
    assert names == [f"Seed {7 + k}, {('shirt', 'shoe')[k % 2]}" for k in range(6)]


def test_another_model_brings_its_labels_and_takes_the_others_away(start: Any, settled: Any) -> None:
    page = start(f"{START}&label=shoe")
    page.locator("#model").select_option("avatars@1")
    settled(page)
    expect(page.locator("#field-labels")).to_be_hidden()
    assert "label" not in page.url
    assert "seed=7" in page.url
