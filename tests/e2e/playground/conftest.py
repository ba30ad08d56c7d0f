"""The playground in headless Chromium, against a service in its own process. Skipped where no Chromium is installed."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.playground.page import START

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK: Any = {"width": 1280, "height": 800}
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One a module, not one a session: while it is there, nobody else in this thread can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(start_ready: Any, publish: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """avatars@1 without classes, fashion@3 with two."""
    models_dir: Path = tmp_path_factory.mktemp("models")
    publish(models_dir, "avatars")
    publish(models_dir, "fashion", 3, ("shirt", "shoe"))
    with start_ready(models_dir) as running:
        yield running


class Watched:
    """A page of a context of its own, with what its console said and what it asked of other hosts than `url`'s."""

    def __init__(self, browser: Browser, url: str, script: str = "", **options: Any) -> None:
        self.url = url
        self.said: list[str] = []
        self.outside: list[str] = []
        self.page = browser.new_context(viewport=options.pop("viewport", DESK), **options).new_page()
        self.page.set_default_timeout(5000)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("console", lambda line: self.said.append(line.text) if line.type in ("error", "warning") else None)
        self.page.on("request", lambda asked: self.outside.append(asked.url) if not self._own(asked.url) else None)
        if script:
            self.page.add_init_script(script)

    def open(self, fragment: str) -> Page:
        """As if for the first time."""
        if self.page.url != "about:blank":
            self.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
            self.page.goto("about:blank")
        self.page.goto(f"{self.url}/{fragment}")
        return self.page

    def check(self, refusals: set[int]) -> None:
        """Nothing was said but that an answer had one of these statuses, nothing asked elsewhere."""
        assert [line for line in self.said if not any(f"status of {status}" in line for status in refusals)] == []
        assert self.outside == []
        self.said.clear()

    def _own(self, asked: str) -> bool:
        return asked.startswith((self.url, "data:", "blob:", "about:"))


@pytest.fixture(scope="module")
def usual(browser: Browser, service: Any) -> Iterator[Watched]:
    """The page that most tests share, because a context for each would cost most of their time."""
    watched = Watched(browser, service.url, permissions=["clipboard-read", "clipboard-write"])
    yield watched
    watched.page.context.close()


@pytest.fixture
def visit(browser: Browser, usual: Watched) -> Iterator[Visit]:
    """visit(fragment) opens the page as somebody new; with options, in a context made with them.

    refusals: the statuses that the test provokes; base: of another service than the usual one.
    """
    others: list[Watched] = []
    expected: set[int] = set()

    def open_page(fragment: str = "", *, base: str = "", refusals: set[int] | None = None, **options: Any) -> Page:
        expected.update(refusals or ())
        if not base and not options:
            return usual.open(fragment)
        others.append(Watched(browser, base or usual.url, **options))
        return others[-1].open(fragment)

    yield open_page
    for watched in others:
        watched.page.context.close()
    for watched in (usual, *others):
        watched.check(expected)


@pytest.fixture(scope="session")
def settled() -> Callable[[Page], Page]:
    """Waits until the page has shown an answer to what was asked last."""

    def settled(page: Page) -> Page:
        page.locator("#grid[aria-busy=false]").wait_for(state="attached")
        return page

    return settled


@pytest.fixture
def start(visit: Visit, settled: Callable[[Page], Page]) -> Callable[..., Page]:
    """The page at an address, with all that it asked for."""
    return lambda fragment=START, **options: settled(visit(fragment, **options))


@pytest.fixture(scope="session")
def written() -> str:
    """The page's own HTML."""
    return (Path(__file__).parents[3] / "app" / "web" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def controls(written: str) -> set[str]:
    """The id of every button and link (of a copying button: what it copies)."""
    found = re.findall(r"<(?:button|a)\b([^>]*)>", written)
    return {re.search(r'(?:id|data-copies|class|href)="([^"]+)"', attributes)[1] for attributes in found}
