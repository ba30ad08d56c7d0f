"""What is written for people: complete where it must be, and pointing only at what is there."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from app.main import create_app
from app.settings import PREFIX, Settings
from training.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
LISTED = ("*.md", "docs/**/*.md", "models/**/*.md", "benchmarks/**/*.md", "datasets/*.md")


@cache
def pages() -> dict[str, str]:
    """Path from the root -> text, of every Markdown file of the project."""
    found = {path for pattern in LISTED for path in ROOT.glob(pattern)}
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(found)}


def reference() -> str:
    """README and docs/, what a user reads."""
    return "\n".join(text for name, text in pages().items() if name == "README.md" or name.startswith("docs/"))


def prose(text: str) -> str:
    """Without code blocks."""
    return re.sub(r"^( *)(```|~~~).*?^\1\2", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """The fragment names that a forge gives the headings."""
    headings = re.findall(r"^#+ +(.+?) *#*$", prose(text), re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings]
    return {slug if slugs.index(slug) == i else f"{slug}-{slugs[:i].count(slug)}" for i, slug in enumerate(slugs)}


def links(text: str) -> list[str]:
    """Where the Markdown of a page points to, code left out."""
    plain = re.sub(r"`[^`\n]*`", "", prose(text))
    inline = re.findall(r"\]\(\s*<?([^)\s>]+)", plain)
    named = re.findall(r"^\[[^\]]+\]:\s*(\S+)", plain, re.MULTILINE)
    html = re.findall(r"(?:src|href)=\"([^\"]+)\"", plain)
    return [*inline, *named, *html]


def test_the_pages_that_must_be_there_are() -> None:
    assert {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "EXPERIMENTS.md", "models/README.md"} <= set(pages())


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_reference(name: str) -> None:
    rows = [line for line in pages()["docs/settings.md"].splitlines() if f"`{PREFIX}{name.upper()}`" in line]
    default = Settings.model_fields[name].default
    assert rows, f"{PREFIX}{name.upper()} is not in docs/settings.md"
    if name != "api_keys" and default not in ("", False):
        assert f"`{default}`" in rows[0]


def test_no_setting_is_written_about_that_does_not_exist() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    named = {name for text in pages().values() for name in re.findall(r"\bTESSERA_[A-Z_]+\b", text)}
    assert named - known == set()


def test_every_route_is_in_the_reference() -> None:
    document = create_app(Settings()).openapi()
    paths = [(method.upper(), path) for path, operations in document["paths"].items() for method in operations]
    assert ("POST", "/generate") in paths
    missing = [f"{method} {path}" for method, path in paths if f"`{method} {path}`" not in reference()]
    assert missing == []
    for hidden in ("/docs", "/openapi.json"):
        assert f"`GET {hidden}`" in reference()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_trainer_is_in_the_reference(command: str) -> None:
    assert re.search(rf"^\| `{command}\b", pages()["docs/training.md"], re.MULTILINE)


def test_the_reader_of_links_sees_them() -> None:
    page = '[a](b.md "c") ![d](<e.png>) `[no](no)` <img src="f.webp">\n[g]: h.md#i\n```\n[no](no)\n```\n'
    assert links(page) == ["b.md", "e.png", "h.md#i", "f.webp"]
    assert anchors("# A b\n## `x/y`: z!\n# A b\n```\n# no\n```\n") == {"a-b", "xy-z", "a-b-1"}


def test_every_link_leads_somewhere() -> None:
    broken = []
    for name, target in [(name, target) for name, text in pages().items() for target in links(text)]:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        text = pages().get(str(file.resolve().relative_to(ROOT)), "") if file.exists() else ""
        if not file.exists() or (fragment and fragment not in anchors(text)):
            broken.append(f"{name}: {target}")
    assert broken == []


def test_every_file_that_is_named_exists() -> None:
    """`app/...py` and the like in running text, the errata first of all."""
    missing = []
    for name, text in pages().items():
        for path in re.findall(r"`((?:app|training|tools|datasets|tests|benchmarks|docs|models)/[\w./-]+\.\w+)`", text):
            beside = (ROOT / name).parent / path
            if not (ROOT / path).exists() and not beside.exists():
                missing.append(f"{name}: {path}")
    assert missing == []


def test_the_errata_name_what_is_in_the_files() -> None:
    items = re.split(r"^\d+\. ", pages()["docs/tutorial-errata.md"], flags=re.MULTILINE)[1:]
    assert len(items) == 11
    for item in items:
        paths = re.findall(r"`(training/[\w/]+\.py)`", item)
        assert paths, item
        for path, name in re.findall(r"`(training/[\w/]+\.py)`,\s+`([\w.]+)`", item):
            for part in name.split("."):
                assert re.search(rf"(class|def) {part}\b", (ROOT / path).read_text(encoding="utf-8")), (path, name)


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {target for text in pages().values() for target in re.findall(r"`make ([a-z-]+)", text)}
    assert named <= targets
    assert {"run", "test"} <= named


def test_the_changelog_has_a_place_for_what_comes() -> None:
    versions = re.findall(r"^## \[(.+?)\]", pages()["CHANGELOG.md"], re.MULTILINE)
    assert versions[0] == "Unreleased"


def test_nothing_is_called_wip() -> None:
    """Every page is finished text."""
    pending = [name for name, text in pages().items() if re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text)]
    assert pending == []


def test_make_help_lists_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert phony
    printed = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in printed.splitlines() if line.startswith("make ")} == set(phony[1].split())
