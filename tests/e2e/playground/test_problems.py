"""What goes wrong is said beside the field that it is about."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

METRICS = 'tessera_ready 1.0\ntessera_queue_images{model="a@1"} 12.0\ntessera_queue_images{model="b@1"} 3.0\n'


@pytest.mark.parametrize(
    ("fragment", "field"),
    [
        ("#model=nobody@1&seed=1&n=1", "model"),
        ("#model=fashion@3&seed=1&n=2&label=boat", "labels"),
        ("#model=fashion@3&seed=1&n=2&label=shoe&label=boat", "labels"),
        ("#model=avatars@1&seed=seven&n=1", "seed"),
        ("#model=avatars@1&seed=4294967296&n=1", "seed"),
        ("#model=avatars@1&seed=1&n=257", "n"),
        ("#model=avatars@1&seed=1&n=few", "n"),
        ("#model=avatars@1&seed=1&n=1&psi=7", "psi"),
        ("#model=avatars@1&vary=1&n=1&strength=7", "strength"),
        ("#model=avatars@1&vary=one&n=1", "all"),
        ("#model=avatars@1&evolve=1,x&n=1", "all"),
        ("#model=avatars@1&interpolate=1&n=2", "all"),
    ],
)
def test_an_error_stands_beside_its_field(visit: Any, fragment: str, field: str) -> None:
    page = visit(fragment, refusals={404, 422})
    expect(page.locator(f"#error-{field}")).not_to_be_empty()
    others = page.locator(f".error:not(#error-{field}):not(:empty)")
    expect(others).to_have_count(0)
    if field not in ("all", "labels", "strength"):
        expect(page.locator(f"#{field}")).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#{field}")).to_be_focused()


def test_it_goes_away_when_the_field_is_right_again(visit: Any, settled: Any) -> None:
    page = settled(visit("#model=avatars@1&seed=1&n=2", refusals={422}))
    before = page.url
    page.locator("#seed").fill("-1")
    page.locator("#seed").press("Enter")
    expect(page.locator("#error-seed")).to_contain_text("greater than or equal to 0")
    assert page.url == before
    expect(page.locator("[role=option]")).to_have_count(2)
    page.locator("#seed").fill("5")
    page.locator("#seed").press("Enter")
    expect(page.locator("#error-seed")).to_be_hidden()
    expect(page.locator("#seed")).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#title")).to_have_text("2 images from seed 5")


def answered(status: int, problem: dict[str, Any], media_type: str = "application/problem+json") -> Any:
    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type=media_type, body=json.dumps(problem))

    return answer


@pytest.mark.parametrize(
    ("status", "media_type", "said"),
    [
        (429, "application/problem+json", "the queue is full Try again in 3 s."),
        (502, "text/html", "The answer was HTTP 502."),
    ],
)
def test_what_no_field_is_to_blame_for(visit: Any, settled: Any, status: int, media_type: str, said: str) -> None:
    page = settled(visit("#model=avatars@1&seed=1&n=2", refusals={status}))
    problem = {"status": status, "code": "queue_full", "detail": "the queue is full", "retry_after": 3}
    page.route("**/generate", answered(status, problem, media_type))
    page.get_by_role("button", name="Make images").click()
    expect(page.get_by_role("alert")).to_have_text(said)
    expect(page.locator("[role=option]")).to_have_count(2)
    page.unroute("**/generate")
    page.get_by_role("button", name="Make images").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_service_that_is_gone_is_said_so(visit: Any, settled: Any) -> None:
    page = settled(visit("#model=avatars@1&seed=1&n=2"))
    page.evaluate("() => { globalThis.fetch = () => Promise.reject(new TypeError('Failed to fetch')); }")
    page.get_by_role("button", name="Make images").click()
    expect(page.get_by_role("alert")).to_have_text("The service does not answer.")
    expect(page.locator("#state")).to_have_text("does not answer")


def test_the_queue_is_that_of_all_models(visit: Any) -> None:
    page: Page = visit("#model=avatars@1&seed=1&n=2")
    page.route("**/metrics", lambda route: route.fulfill(body=METRICS))
    expect(page.locator("#waiting")).to_have_text("15 images")
    page.unroute("**/metrics")
    expect(page.locator("#waiting")).to_have_text("0 images")
    expect(page.locator("#rate")).to_have_text("0/s")
    expect(page.locator("#state")).to_have_text("ready")


def test_images_come_when_the_service_becomes_ready(visit: Any, service: Any) -> None:
    """The page may be opened while models are still loaded."""
    page: Page = visit(script="globalThis.real = fetch; globalThis.fetch = () => Promise.reject(new TypeError());")
    expect(page.locator("#state")).to_have_text("does not answer")
    expect(page.locator("[role=option]")).to_have_count(0)
    page.evaluate("() => { globalThis.fetch = globalThis.real; }")
    expect(page.locator("[role=option]")).to_have_count(24)


# API keys


def test_a_service_without_keys_asks_for_none(visit: Any, settled: Any) -> None:
    expect(settled(visit()).locator("#key")).to_be_hidden()


def test_a_key_is_asked_for_when_the_service_asks_for_one(visit: Any, start_painted: Any) -> None:
    with start_painted(api_keys="first-key", drain_notice_s=0) as running:
        page = visit("#model=avatars@1&seed=1&n=2", base=running.url, refusals={401})
        expect(page.locator("#key")).to_be_focused()
        expect(page.locator("#error-key")).to_contain_text("needs an API key")
        page.keyboard.type("wrong-key")
        page.keyboard.press("Enter")
        expect(page.locator("#error-key")).to_contain_text("not known")
        page.locator("#key").fill("first-key")
        page.keyboard.press("Enter")
        expect(page.locator("[role=option]")).to_have_count(2)
        assert "key" not in page.url
        page.locator("[role=option]").first.click()
        assert "X-API-Key: KEY" in page.locator("#own-curl").input_value()
        page.reload()
        expect(page.locator("[role=option]")).to_have_count(2)  # this tab remembers it
