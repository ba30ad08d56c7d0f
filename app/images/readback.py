"""Read from a generated file the recipe that it carries: for clients, tests and the curious."""

import io
import json
from typing import Any
from xml.etree import ElementTree

from PIL import Image, UnidentifiedImageError

from app.images.provenance import RECIPE_KEYWORD
from app.images.xmp import RECIPE_NAMESPACE


def read_recipe(data: bytes) -> dict[str, Any]:
    """The recipe in a PNG, WebP or JPEG as the dictionary that provenance.Recipe.json wrote.

    Raises ValueError if the file is none of these, carries no recipe, or carries one that is not JSON.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "WEBP", "JPEG")) as image:
            written = image.info.get(RECIPE_KEYWORD) or _in_xmp(image.info.get("xmp"))
        recipe = json.loads(written)
    except (UnidentifiedImageError, ElementTree.ParseError, json.JSONDecodeError) as error:
        raise ValueError(f"no readable recipe in this file: {error}") from error
    if not isinstance(recipe, dict):
        raise ValueError("no readable recipe in this file: not a JSON object")
    return recipe


def _in_xmp(packet: bytes | None) -> str:
    found = ElementTree.fromstring(packet).find(f".//{{{RECIPE_NAMESPACE}}}Recipe") if packet else None
    if found is None or not found.text:
        raise ValueError("this file carries no recipe")
    return found.text
