"""Writing a data set: every file by rename, so that an interrupted run leaves whole images and goes on where it was."""

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from datasets.sources import SourceError


def write_png(image: Image.Image, path: Path) -> None:
    partial = path.with_suffix(".partial")
    image.save(partial, format="PNG")
    partial.replace(path)


def write_missing(images: Iterable[tuple[Path, Image.Image]]) -> None:
    for path, image in images:
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_png(image, path)


def count(folder: Path) -> int:
    return sum(1 for _ in folder.rglob("*.png"))


def counted(folder: Path, expected: int) -> int:
    """The number of PNG files under the folder. Raises SourceError when it is not the number there must be."""
    found = count(folder)
    if found != expected:
        raise SourceError(f"{folder} holds {found:,} images instead of {expected:,}; delete the folder and try again")
    return found


def on_white(path: Path) -> Image.Image:
    """The picture as RGB, its transparent parts white."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    return page.convert("RGB")
