"""PNG files of a run as <img> elements that carry their bytes."""

import base64
import io
from html import escape
from pathlib import Path

from PIL import Image

QUALITY = 82
MOMENTS = 8


def picture(file: Path, description: str, *, exact: bool = False) -> str:
    """An <img>; WebP, which is several times smaller, lossless if the pixels themselves matter. "" if there is no such
    file."""
    if not file.is_file():
        return ""
    buffer = io.BytesIO()
    with Image.open(file) as image:
        size = image.size
        image.save(buffer, "WEBP", quality=QUALITY, lossless=exact, method=4)
    data = base64.b64encode(buffer.getvalue()).decode()
    alt = escape(description, quote=True)
    return f'<img alt="{alt}" width="{size[0]}" height="{size[1]}" src="data:image/webp;base64,{data}">'


def moments(run: Path) -> list[tuple[int, Path]]:
    """(images seen, file) of at most eight of the sample grids, the first and the last among them, evenly between."""
    found = sorted((int(file.stem.removeprefix("fakes")), file) for file in run.glob("fakes[0-9]*.png"))
    if len(found) <= MOMENTS:
        return found
    return [found[round(index * (len(found) - 1) / (MOMENTS - 1))] for index in range(MOMENTS)]
