"""emoji and animals-food: Google's Noto emoji (art under Apache-2.0), 64x64 pixels on white, one flat folder each."""

import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from datasets.images import count, counted, on_white, write_missing
from datasets.sources import npm_modules

PACKAGE = "emoji-datasource-google"
PEOPLE_AND_FACES = ({"Smileys & Emotion", "People & Body"}, 2_420)
ANIMALS_AND_FOOD = ({"Animals & Nature", "Food & Drink"}, 290)


def make_people_and_faces(folder: Path, cache: Path) -> int:
    return _make(folder, cache, *PEOPLE_AND_FACES)


def make_animals_and_food(folder: Path, cache: Path) -> int:
    return _make(folder, cache, *ANIMALS_AND_FOOD)


def _make(folder: Path, cache: Path, categories: set[str], expected: int) -> int:
    if count(folder) != expected:
        package = npm_modules(cache) / PACKAGE
        write_missing((folder / name, image) for name, image in _distinct(package, categories))
    return counted(folder, expected)


def _distinct(package: Path, categories: set[str]) -> Iterator[tuple[str, Image.Image]]:
    """Every picture once: some emoji differ in their code alone and share one drawing."""
    seen = set()
    for name in _names(package, categories):
        image = on_white(package / "img/google/64" / name)
        if image.tobytes() not in seen:
            seen.add(image.tobytes())
            yield name, image


def _names(package: Path, categories: set[str]) -> Iterator[str]:
    for entry in json.loads((package / "emoji.json").read_text(encoding="utf-8")):
        if entry["category"] in categories:
            for variant in (entry, *entry.get("skin_variations", {}).values()):
                if variant["has_img_google"]:
                    yield variant["image"]
