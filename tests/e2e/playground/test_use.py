"""Every button does what it says, and an address shows everybody the same images."""

import base64
import io
import json
import re
import shlex
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

START = "#model=fashion@3&seed=7&n=6"


@pytest.fixture
def start(visit: Any, settled: Any) -> Callable[..., Page]:
    return lambda fragment=START, **options: settled(visit(fragment, **options))


def tiles(page: Page) -> list[str]:
    """The images' data URLs."""
    found: list[str] = page.locator("[role=option] img").evaluate_all("images => images.map(image => image.src)")
    return found


def choose(page: Page, place: int) -> None:
    page.locator("[role=option]").nth(place).click()


def pixels(data: bytes | str) -> Any:
    content = base64.b64decode(data.split(",")[1]) if isinstance(data, str) else data
    return np.asarray(Image.open(io.BytesIO(content)))


def clipboard(page: Page) -> str:
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text


def run(line: str) -> httpx.Response:
    """What a curl line of the page asks for."""
    words = shlex.split(line)
    assert words[:3] == ["curl", "-H", "Content-Type: application/json"]
    return httpx.post(words[-1], json=json.loads(words[words.index("-d") + 1]), timeout=20)


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


# Fields


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


# Addresses

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
