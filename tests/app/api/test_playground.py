"""The page as files over HTTP; tests/e2e/test_playground.py uses it in a browser."""

import re
from pathlib import Path

import httpx
import pytest

from app.api import playground

WEB = Path(playground.__file__).parents[1] / "web"
FILES = sorted(path.name for path in WEB.iterdir())


def test_the_root_is_the_page(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == (WEB / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_as_what_it_is(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/web/{name}")
    assert answer.content == (WEB / name).read_bytes()
    media_types = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
    assert answer.headers["content-type"].partition(";")[0] == media_types[Path(name).suffix]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/web/page.js"])
def test_a_file_that_the_browser_has_is_not_sent_again(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert client.get(path, headers={"if-none-match": '"other"'}).status_code == 200


def test_files_have_tags_of_their_own(client: httpx.Client) -> None:
    assert len({client.get(f"/web/{name}").headers["etag"] for name in FILES}) == len(FILES)


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fmain.py", "%2e%2e", "", "index.htm"])
def test_nothing_else_is_served(client: httpx.Client, name: str) -> None:
    answer = client.get(f"/web/{name}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_policy_lets_nothing_in_from_elsewhere(client: httpx.Client) -> None:
    policy = dict(rule.strip().split(" ", 1) for rule in client.get("/").headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in str(policy)


def test_the_page_holds_no_script_or_style_of_its_own_and_names_no_host(client: httpx.Client) -> None:
    page = client.get("/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\son\w+=", page) == []
    for name in FILES:
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", (WEB / name).read_text(encoding="utf-8"))
        assert set(found) <= {"http://www.w3.org"}, name  # the namespace of SVG


def test_its_addresses_are_relative_so_that_a_prefix_before_it_does_no_harm(client: httpx.Client) -> None:
    named = re.findall(r"""(?:src|href)="([^"#]+)""", client.get("/").text)
    assert {"web/page.js", "web/page.css", "web/icon.svg", "docs"} <= set(named)
    for path in named:
        assert not path.startswith("/")
        assert client.get(f"/{path}").status_code == 200
