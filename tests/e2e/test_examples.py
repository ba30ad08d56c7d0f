"""Every example that the documentation shows, run as it stands against the service as it is started.

Only the address is another: the port of the examples may be taken here.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/http.md")
RECIPES = tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "recipes").glob("*.md")))
BEGINNINGS = {".png": b"\x89PNG\r\n", ".webp": b"RIFF", ".jpg": b"\xff\xd8\xff", ".zip": b"PK\x03\x04", ".json": b"{"}


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, code) of each fenced block that names its language, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def asks(language: str, code: str) -> bool:
    """Is it an example of asking a running service?"""
    return ":8000" in code and (language == "python" or (language == "sh" and code.startswith("curl")))


EXAMPLES = [
    pytest.param(language, code, id=f"{page}-{i}")
    for page in PAGES
    for i, (language, code) in enumerate(blocks(page))
    if asks(language, code)
]


def run(language: str, code: str, url: str, folder: Path) -> None:
    (folder / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n", encoding="utf-8")
    if "@photo.png" in code:
        portrait = httpx.get(f"{url}/seeds/avatars/7.png", params={"size": 200}).raise_for_status()
        (folder / "photo.png").write_bytes(portrait.content)
    command = {"sh": ["sh", "-e"], "python": [sys.executable, "-"]}[language]
    done = subprocess.run(
        command,
        input=re.sub(r"(localhost|127\.0\.0\.1):8000", url.removeprefix("http://"), code),
        env=os.environ | {"CURL_HOME": str(folder), "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"


def written(folder: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".curlrc"}
    for name, content in found.items():
        assert content.startswith(BEGINNINGS.get(Path(name).suffix, content[:1])), name
        assert content, name
    return found


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="the examples are for curl, and it is not here")


@needs_curl
@pytest.mark.parametrize(("language", "code"), EXAMPLES)
def test_an_example_does_what_it_says(bundled: Any, tmp_path: Path, language: str, code: str) -> None:
    run(language, code, bundled.url, tmp_path)
    assert set(re.findall(r" -o (\S+)", code)) <= set(written(tmp_path))


@needs_curl
@pytest.mark.parametrize("page", RECIPES)
def test_a_recipe_works_from_its_beginning_to_its_end(bundled: Any, tmp_path: Path, page: str) -> None:
    steps = [(language, code) for language, code in blocks(page) if language in ("sh", "python")]
    assert any(asks(language, code) for language, code in steps)
    for language, code in steps:
        run(language, code, bundled.url, tmp_path)
    promised = re.findall(r"`([\w-]+\.(?:png|webp|zip|json))`", (ROOT / page).read_text(encoding="utf-8"))
    assert promised
    assert set(promised) <= set(written(tmp_path))


def test_there_are_examples_of_every_kind() -> None:
    assert len(EXAMPLES) >= 15
    assert {example.values[0] for example in EXAMPLES} == {"sh", "python"}
    assert {Path(page).stem for page in RECIPES} == {"avatars", "game-art", "defects"}
