"""Dockerfile and docker-compose.yml as they are written, read without a Docker engine."""

import functools
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
Instructions = list[tuple[str, str]]


@functools.cache
def stages() -> dict[str, Instructions]:
    """Stage -> its instructions, those of the stages it builds upon first; the part before any FROM is ''."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, Instructions] = {"": []}
    stage = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        word, rest = line.strip().split(maxsplit=1)
        if word == "FROM":
            source, _, stage = rest.split()
            found[stage] = list(found.get(source, ()))
        found[stage].append((word, rest))
    return found


def last(stage: str, word: str) -> str:
    return [rest for name, rest in stages()[stage] if name == word][-1]


def copies(stage: str) -> list[list[str]]:
    """The COPY instructions that take files of the checkout: sources and, last, the destination."""
    return [rest.split() for word, rest in stages()[stage] if word == "COPY" and not rest.startswith("--from=")]


@functools.cache
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def filled(text: str, environment: dict[str, str] | None = None) -> str:
    """Compose's ${NAME:-default}."""
    values = environment or {}
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: values.get(found[1]) or found[2], text)


def seconds(duration: str) -> float:
    number = re.fullmatch(r"(\d+)s", duration)
    assert number, f"{duration} is not written in seconds"
    return float(number[1])
