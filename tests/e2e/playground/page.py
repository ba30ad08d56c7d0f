"""What tests read from the page and do with it."""

import base64
import io
import json
import shlex
from typing import Any

import httpx
import numpy as np
from PIL import Image
from playwright.sync_api import Page

START = "#model=fashion@3&seed=7&n=6"


def tiles(page: Page) -> list[str]:
    """The images' data URLs."""
    found: list[str] = page.locator("[role=option] img").evaluate_all("images => images.map(image => image.src)")
    return found


def choose(page: Page, place: int) -> None:
    page.locator("[role=option]").nth(place).click()


def pixels(data: bytes | str) -> Any:
    content = base64.b64decode(data.split(",")[1]) if isinstance(data, str) else data
    return np.asarray(Image.open(io.BytesIO(content)))


def run(line: str) -> httpx.Response:
    """What a curl line of the page asks for."""
    words = shlex.split(line)
    assert words[:3] == ["curl", "-H", "Content-Type: application/json"]
    return httpx.post(words[-1], json=json.loads(words[words.index("-d") + 1]), timeout=20)
