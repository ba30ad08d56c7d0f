"""For keyboards, screen readers, weak eyes and small screens: measured on what the browser has really drawn."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

MANY = "#model=fashion@3&seed=7&n=9"
PHONE: Any = {"width": 360, "height": 740}
NAMED = {"button", "checkbox", "combobox", "image", "link", "listbox", "option", "slider", "textbox", "form", "region"}

# Elements with text of their own, or with a value -> [text, contrast with all that lies behind it].
CONTRASTS = """() => {
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * light(r / 255) + 0.7152 * light(g / 255) + 0.0722 * light(b / 255);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((value, i) => value * a + under[i] * (1 - a));
  const behind = (element) => {
    if (!element) return [255, 255, 255];
    const own = numbers(getComputedStyle(element).backgroundColor);
    return own.length === 3 ? own : over(own, behind(element.parentElement));
  };
  const contrast = (colour, ground) => {
    const [bright, dark] = [luminance(over(numbers(colour), ground)), luminance(ground)].sort((a, b) => b - a);
    return (bright + 0.05) / (dark + 0.05);
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility()) continue;
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    const { color, borderTopColor, borderTopStyle } = getComputedStyle(element);
    const text = (element.value || element.textContent).trim().slice(0, 40);
    if (own || element.value) found.push(["text", text, contrast(color, behind(element))]);
    if (element.matches("button, input:not([type=range], [type=checkbox]), select") && borderTopStyle !== "none")
      found.push(["edge", text, contrast(borderTopColor, behind(element.parentElement))]);
    const mark = getComputedStyle(element, "::after");
    if (!["none", "normal", '""'].includes(mark.content))
      found.push(["text", mark.content, contrast(mark.color, numbers(mark.backgroundColor))]);
  }
  return found;
}"""

# What a Tab should reach: the grid is one stop, whatever it holds.
NAME = "(e) => e.id || e.ariaLabel || e.className || e.value || e.textContent"
STOPS = f"""() => [...document.querySelectorAll("a[href], button, input, select, [tabindex='0']")]
  .filter((element) => element.checkVisibility()).map({NAME})"""
HERE = f"""() => {{
  const element = document.activeElement;
  const ringed = element.type === "checkbox" ? element.closest("label") : element;
  const {{ outlineStyle, outlineWidth }} = getComputedStyle(ringed);
  const shown = outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
  return element === document.body ? null : [({NAME})(element), shown];
}}"""


def busy(page: Page) -> Page:
    """One chosen, one kept, one of which less is wanted, and a field that is wrong."""
    for place, key in ((1, "k"), (2, "l"), (0, "Enter")):
        page.locator("[role=option]").nth(place).click()
        page.keyboard.press(key)
    page.locator("#n").fill("257")
    page.locator("#n").press("Enter")
    expect(page.locator("#error-n")).not_to_be_empty()
    return page


@pytest.fixture
def opened(visit: Any, settled: Any) -> Any:
    return lambda fragment=MANY, **options: settled(visit(fragment, refusals={422}, **options))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground_and_controls_have_edges(opened: Any, scheme: str) -> None:
    found = busy(opened(color_scheme=scheme)).evaluate(CONTRASTS)
    assert len(found) > 60
    assert [(text, ratio) for kind, text, ratio in found if kind == "text" and ratio < 4.5] == []
    assert [(text, ratio) for kind, text, ratio in found if kind == "edge" and ratio < 3] == []


def test_both_schemes_are_really_two(opened: Any) -> None:
    page = opened(color_scheme="dark")
    read = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(read)
    page.emulate_media(color_scheme="light")
    assert page.evaluate(read) != dark


@pytest.mark.parametrize("fragment", [MANY, f"{MANY}&vary=7", "#model=avatars@1&interpolate=1,2&n=24"])
def test_everything_that_can_be_used_has_a_name(opened: Any, fragment: str) -> None:
    page = opened(fragment)
    if "interpolate" not in fragment:
        busy(page)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    used = [node for node in nodes if not node["ignored"] and node["role"]["value"] in NAMED]
    assert len(used) > 12
    assert [node["role"]["value"] for node in used if not node.get("name", {}).get("value")] == []


def test_what_happens_is_announced(opened: Any) -> None:
    page = opened()
    expect(page.get_by_role("status")).to_contain_text("9 images in")
    expect(page.get_by_role("alert", include_hidden=True)).to_have_count(1)
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, {"width": 900, "height": 800}, PHONE])
def test_tab_reaches_everything_and_shows_where_it_is(opened: Any, viewport: Any) -> None:
    page = busy(opened(viewport=viewport))
    expected = page.evaluate(STOPS)
    page.locator(".skip").focus()
    reached = []
    while (here := page.evaluate(HERE)) is not None and here[0] not in reached:
        reached.append(here[0])
        assert here[1], f"{here[0]} does not show that it has the focus"
        page.keyboard.press("Tab")
    assert sorted(reached) == sorted(expected)


def test_arrows_move_in_the_grid_and_letters_act(opened: Any) -> None:
    page = opened(viewport=PHONE)  # four columns: 0 to 3, 4 to 7, 8
    tiles = page.locator("[role=option]")
    tiles.first.focus()
    for key, place in [
        ("ArrowRight", 1),
        ("ArrowDown", 5),
        ("ArrowLeft", 4),
        ("ArrowDown", 8),
        ("ArrowRight", 8),
        ("ArrowDown", 8),
        ("ArrowUp", 4),
        ("Home", 0),
        ("ArrowUp", 0),
        ("ArrowLeft", 0),
        ("End", 8),
    ]:
        page.keyboard.press(key)
        expect(tiles.nth(place)).to_be_focused()
        expect(page.locator("[role=option][tabindex='0']")).to_have_count(1)
    page.keyboard.press("Space")
    expect(page.locator("#panel-title")).to_contain_text("Seed 15")
    page.keyboard.press("k")
    expect(page.locator("#keep")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Control+l")  # the browser's own
    expect(page.locator("#less")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("l")
    expect(page.locator("#less")).to_have_attribute("aria-pressed", "true")


def test_escape_in_the_panel_leads_back_to_the_image(opened: Any) -> None:
    page = opened()
    page.locator("[role=option]").nth(3).click()
    page.locator("#vary").focus()
    page.keyboard.press("Escape")
    expect(page.locator("[role=option]").nth(3)).to_be_focused()
    expect(page.locator("#panel-title")).to_have_text("No image chosen")


@pytest.mark.parametrize("fragment", [MANY, f"{MANY}&vary=7", "#model=avatars@1&interpolate=1,2&n=24&frames=1"])
@pytest.mark.parametrize("width", [320, 360, 720, 1100])
def test_nothing_is_wider_than_the_screen(opened: Any, width: int, fragment: str) -> None:
    page = opened(fragment)
    try:
        page.set_viewport_size({"width": width, "height": 740})
        if "interpolate" not in fragment:
            busy(page)
        assert page.evaluate("() => document.scrollingElement.scrollWidth") <= width
        beyond = page.locator("body *").evaluate_all(
            "(elements, width) => elements.filter((e) => e.checkVisibility() && !e.closest('.skip')"
            " && e.getBoundingClientRect().right > width + 0.5).map((e) => e.outerHTML.slice(0, 80))",
            width,
        )
        assert beyond == []
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


def test_on_a_phone_the_chosen_image_can_be_reached_and_nothing_stays_behind_it(opened: Any) -> None:
    page = opened(viewport=PHONE)
    page.locator("[role=option]").last.click()
    expect(page.locator("#panel-title")).to_be_in_viewport()
    page.locator("#shelf").scroll_into_view_if_needed()
    page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    shelf = page.locator("#shelf").bounding_box()
    panel = page.locator("#panel").bounding_box()
    assert shelf is not None
    assert panel is not None
    assert shelf["y"] + shelf["height"] <= panel["y"]


def test_targets_are_large_enough(opened: Any) -> None:
    """24 by 24 pixels (WCAG 2.2, 2.5.8)."""
    page = busy(opened(viewport=PHONE))
    small = page.locator("button, a.button, .chips label, select, input:not(.chips input), [role=option]").evaluate_all(
        "elements => elements.filter((e) => e.checkVisibility()).map((e) => [e.id, e.getBoundingClientRect()])"
        ".filter(([, { width, height }]) => width < 24 || height < 24)"
    )
    assert small == []
