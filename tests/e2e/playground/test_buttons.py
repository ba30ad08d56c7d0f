"""Every button does what it says."""

import base64
import json
import re
import zipfile
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.playground.page import choose, pixels, run, tiles


def clipboard(page: Page) -> str:
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


class Buttons:
    """One method a button or link of the page, named by its id with _ for -; given the page with a chosen image."""

    def __init__(self, page: Page, settled: Any) -> None:
        self.page = page
        self.settled = settled

    def press(self, name: str) -> None:
        self.settled(self.page)
        self.page.locator(f"#{name}").click()
        self.settled(self.page)

    def keep_another(self) -> None:
        choose(self.page, 1)
        self.press("keep")
        choose(self.page, 2)

    def chosen(self) -> Any:
        return self.page.locator("[aria-selected=true]")

    def skip(self) -> None:
        self.page.locator(".skip").focus()
        self.page.keyboard.press("Enter")
        assert self.page.evaluate("() => document.activeElement.getAttribute('role')") == "option"
        assert "seed=7" in self.page.url

    def docs(self) -> None:
        self.page.get_by_role("link", name="HTTP API").click()
        assert self.page.url.endswith("/docs")
        expect(self.page.get_by_text("/generate/batch")).to_be_visible()

    def shuffle(self) -> None:
        before = tiles(self.page)
        self.press("shuffle")
        assert tiles(self.page) != before
        assert self.page.locator("#seed").input_value() in self.page.url

    def main(self) -> None:
        self.page.locator("#n").fill("4")
        self.page.locator("#seed").fill("9")
        self.page.get_by_role("button", name="Make images").click()
        expect(self.page.locator("[role=option]")).to_have_count(4)
        expect(self.page.locator("#title")).to_have_text("4 images from seed 9")

    def vary(self) -> None:
        self.press("vary")
        expect(self.page.locator("#title")).to_have_text("Variations of seed 9")
        assert "vary=9" in self.page.url
        expect(self.page.locator("[role=option]")).to_have_count(6)

    def others(self) -> None:
        self.vary()
        before = tiles(self.page)
        self.press("others")
        assert set(tiles(self.page)).isdisjoint(before)
        assert "from=16" in self.page.url

    def back(self) -> None:
        before = tiles(self.page)
        self.vary()
        self.press("back")
        assert tiles(self.page) == before

    def evolve(self) -> None:
        self.keep_another()
        choose(self.page, 4)
        self.press("less")
        choose(self.page, 2)
        self.press("evolve")
        expect(self.page.locator("#title")).to_have_text("Children of 9, 8, away from 11")
        choose(self.page, 0)
        for name in ("vary", "evolve", "interpolate"):  # a child has no seed of its own
            expect(self.page.locator(f"#{name}")).to_have_attribute("aria-disabled", "true")
        self.page.locator("#vary").click(force=True)
        assert "evolve=9,8" in self.page.url

    def interpolate(self) -> None:
        expect(self.page.locator("#interpolate")).to_have_attribute("aria-disabled", "true")
        self.keep_another()
        self.press("interpolate")
        expect(self.page.locator("#title")).to_have_text("From seed 9 to 8, and back")
        expect(self.page.locator("#film-image")).to_have_js_property("naturalHeight", 128)

    def motion(self) -> None:
        self.interpolate()
        self.press("motion")
        expect(self.page.locator("#film-image")).to_have_js_property("naturalHeight", 4 * 128)
        self.press("motion")
        expect(self.page.locator("#film-image")).to_have_js_property("naturalHeight", 128)

    def film_save(self) -> None:
        self.interpolate()
        with self.page.expect_download() as saved:
            self.page.locator("#film-save").click()
        assert saved.value.suggested_filename == "interpolation.webp"
        with Image.open(saved.value.path()) as film:
            assert film.n_frames == 24

    def keep(self) -> None:
        self.press("keep")
        expect(self.page.locator("#keep")).to_have_attribute("aria-pressed", "true")
        expect(self.chosen()).to_have_accessible_name(re.compile("^Seed 9, (shirt|shoe), kept$"))
        expect(self.page.locator("#shelf-list li")).to_have_count(1)
        self.press("keep")
        expect(self.page.locator("#shelf-list li")).to_have_count(0)

    def less(self) -> None:
        self.press("less")
        expect(self.chosen()).to_have_accessible_name(re.compile(", less of this$"))
        self.press("less")
        expect(self.page.locator("#less")).to_have_attribute("aria-pressed", "false")

    def close(self) -> None:
        self.press("close")
        expect(self.page.locator("#panel-title")).to_have_text("No image chosen")
        expect(self.page.locator("[aria-selected=true]")).to_have_count(0)
        assert self.page.evaluate("() => document.activeElement.getAttribute('role')") == "option"

    def save(self) -> None:
        with self.page.expect_download() as saved:
            self.page.locator("#save").click()
        assert saved.value.suggested_filename == "fashion-3-9.png"
        assert (pixels(saved.value.path().read_bytes()) == pixels(tiles(self.page)[2])).all()

    def own_seed(self) -> None:
        self.page.get_by_role("button", name="Copy seed").click()
        expect(self.page.locator("#said")).to_have_text("Copied.")
        assert clipboard(self.page) == "9"

    def own_url(self) -> None:
        self.page.get_by_role("button", name="Copy URL").click()
        expect(self.page.locator("#said")).to_have_text("Copied.")
        assert (pixels(httpx.get(clipboard(self.page)).content) == pixels(tiles(self.page)[2])).all()

    def own_curl(self) -> None:
        self.page.get_by_role("button", name="Copy curl line").click()
        expect(self.page.locator("#said")).to_have_text("Copied.")
        assert (pixels(run(clipboard(self.page)).content) == pixels(tiles(self.page)[2])).all()

    def copy_link(self) -> None:
        self.press("copy-link")
        expect(self.page.locator("#copy-link")).to_have_text("Copied")
        assert clipboard(self.page) == self.page.url
        expect(self.page.locator("#copy-link")).to_have_text("Copy link")

    def copy_all(self) -> None:
        self.press("copy-all")
        expect(self.page.locator("#said")).to_have_text("Copied.")
        grid = pixels(run(clipboard(self.page)).content)
        assert (grid[2:18, 2:18] == pixels(tiles(self.page)[0])).all()

    def shelf_save(self) -> None:
        self.keep_another()
        self.press("keep")
        with self.page.expect_download() as saved:
            self.page.locator("#shelf-save").click()
        with zipfile.ZipFile(saved.value.path()) as archive:
            assert archive.testzip() is None
            rows = [json.loads(line) for line in archive.read("metadata.jsonl").splitlines()]
            assert [row["seed"] for row in rows] == [9, 8]
            assert archive.namelist() == [*(row["file_name"] for row in rows), "metadata.jsonl"]
            for row, tile in zip(rows, (tiles(self.page)[2], tiles(self.page)[1]), strict=True):
                assert archive.read(row["file_name"]) == base64.b64decode(tile.split(",")[1])

    def shelf_clear(self) -> None:
        self.press("keep")
        self.press("shelf-clear")
        expect(self.page.locator("#shelf-empty")).to_be_visible()
        expect(self.page.locator("#keep")).to_have_attribute("aria-pressed", "false")


STEPS = ("press", "keep_another", "chosen")
NAMES = sorted(name for name in vars(Buttons) if not name.startswith("_") and name not in STEPS)


def test_every_button_has_its_test(controls: set[str]) -> None:
    assert {name.replace("_", "-") for name in NAMES} == controls


@pytest.mark.parametrize("name", NAMES)
def test_every_button_does_what_it_says(start: Any, settled: Any, name: str) -> None:
    page = start()
    choose(page, 2)
    getattr(Buttons(page, settled), name)()


def test_a_kept_image_can_be_chosen_after_the_page_was_closed(start: Any, settled: Any) -> None:
    page = start()
    choose(page, 2)
    page.locator("#keep").click()
    page.reload()
    settled(page)
    page.locator("#shelf-list button").click()
    expect(page.locator("#panel-title")).to_contain_text("Seed 9")
    expect(page.locator("#keep")).to_have_attribute("aria-pressed", "true")


def test_who_wants_less_motion_gets_frames(start: Any, settled: Any) -> None:
    page = start(reduced_motion="reduce")
    Buttons(page, settled).keep_another()
    page.locator("#interpolate").click()
    settled(page)
    expect(page.locator("#motion")).to_have_text("Show it moving")
    assert "frames=1" in page.url


def test_without_a_clipboard_the_text_is_copied_as_selected(start: Any) -> None:
    page = start(script="Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    choose(page, 2)
    for name in ("Copy URL", "Copy link"):
        page.get_by_role("button", name=name).click()
        expect(page.locator("#said")).to_have_text("Copied.")
        page.locator("#said").evaluate("said => { said.textContent = '' }")
