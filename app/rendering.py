"""Images into the bytes of an answer: one grid file, a JSON document of single files, or a ZIP of them."""

import base64
import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from app.animation import animated
from app.errors import InvalidField
from app.images.encode import MEDIA_TYPES, Format, encode
from app.images.grid import assemble
from app.images.provenance import Json, Recipe
from app.resizing import resized
from app.resizing import width as width_for

Images = NDArray[np.uint8]

_OPAQUE = 255


class Form(Enum):
    """In order of preference when a caller accepts several equally."""

    PNG = "png"
    WEBP = "webp"
    JPEG = "jpeg"
    JSON = "json"
    ZIP = "zip"

    def __init__(self, word: str) -> None:
        # Attributes, because every request asks for them several times, and `value` is two calls of Python's own.
        self.word = word
        self.file: Format | None = next((known for known in MEDIA_TYPES if known == word), None)  # of a grid
        self.is_grid = self.file is not None
        self.media_type = MEDIA_TYPES[self.file] if self.file else f"application/{word}"


_MAX_SIDE = {Form.WEBP: 16_383, Form.JPEG: 65_535}  # what the file formats can hold


@dataclass(frozen=True, slots=True)
class Layout:
    """How a grid is laid out. background: (r, g, b) or (r, g, b, a). Single files take only `scale` or `size`.

    size: of images without padding, their height after resampling; None: the model's.
    frame_ms: the images as frames of an animation, each shown for so long; WebP and PNG only.
    """

    columns: int | None
    padding: int
    background: tuple[int, ...]
    scale: int
    size: int | None = None
    frame_ms: int | None = None

    def sides(self, n: int, height: int, width: int) -> tuple[int, int]:
        """Height and width of the grid of n images in pixels."""
        if self.size is not None or self.frame_ms is not None:
            return self.single(height, width)
        columns = min(self.columns or math.ceil(math.sqrt(n)), n)
        rows = -(-n // columns)
        return (
            rows * (height * self.scale + self.padding) + self.padding,
            columns * (width * self.scale + self.padding) + self.padding,
        )

    @property
    def as_made(self) -> bool:
        """Is each pixel of an image one of the answer?"""
        return self.scale == 1 and self.size is None

    def single(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of one image on its own."""
        if self.size is not None:
            return self.size, width_for(height, width, self.size)
        return height * self.scale, width * self.scale


@lru_cache(maxsize=1024)
def check(form: Form, layout: Layout, n: int, shape: tuple[int, int, int], max_pixels: int) -> int:
    """Pixels of the answer. Raises InvalidField when the answer would be too large or its format cannot hold it.

    shape: height, width and channels of one image.
    """
    height, width, channels = shape
    together = form.is_grid and layout.frame_ms is None
    sides = layout.sides(n, height, width) if form.is_grid else layout.single(height, width)
    pixels = sides[0] * sides[1] * (1 if together else n)
    if pixels > max_pixels:
        field = "size" if layout.size else "scale" if layout.scale > 1 else "n"
        raise InvalidField(f"the answer would have {pixels} pixels; this service makes at most {max_pixels}", field)
    if form.is_grid and max(sides) > _MAX_SIDE.get(form, max_pixels):
        raise InvalidField(f"{form.word} holds at most {_MAX_SIDE[form]} pixels a side, not {max(sides)}", "format")
    if (*layout.background, _OPAQUE)[3] != _OPAQUE and (channels < 4 or form is Form.JPEG):
        without = "JPEG has" if channels == 4 else "the images of this model have"
        raise InvalidField(f"{without} no transparency: give #rrggbb", "background")
    return pixels


def render(images: Images, recipe: Recipe, form: Form, layout: Layout) -> bytes:
    """images: uint8 [N, H, W, C]; recipe: of all N, without layout. The bytes depend on nothing else."""
    if form is Form.JSON:
        return _json(images, recipe, layout)
    if form is Form.ZIP:
        return _zip(images, recipe, layout)
    file = form.file
    assert file is not None
    if layout.size is not None:
        return next(files(images[:1], recipe, layout, file))
    if layout.frame_ms is not None:
        assert file != "jpeg"
        shown = _shown_as(recipe, layout, {"frame_ms": layout.frame_ms, "scale": layout.scale})
        return animated(images, layout.frame_ms, layout.scale, shown, file)
    grid = assemble(images, layout.columns, layout.padding, layout.background, layout.scale)
    background = "#" + bytes(layout.background).hex()
    parameters: dict[str, Json] = {
        "columns": layout.columns,
        "padding": layout.padding,
        "background": background,
        "scale": layout.scale,
    }
    return encode(grid, file, recipe=_shown_as(recipe, layout, parameters), background=layout.background)


def files(images: Images, recipe: Recipe, layout: Layout, form: Format) -> Iterator[bytes]:
    """Each image as a file that carries its own recipe."""
    labels: Sequence[int | str] = recipe.labels
    shown = _shown_as(recipe, layout, {"scale": layout.scale} if layout.size is None else {"size": layout.size})
    for i, image in enumerate(images):
        own = shown._replace(seeds=recipe.seeds[i : i + 1], labels=labels[i : i + 1] if labels else ())
        yield encode(np.ascontiguousarray(_shown(image, layout)), form, recipe=own)


def _shown_as(recipe: Recipe, layout: Layout, parameters: Mapping[str, Json]) -> Recipe:
    """With what shaped the answer. What is known of the model's pictures is not known of enlarged ones."""
    filtered = recipe.filtered if layout.as_made else None
    return recipe._replace(parameters={**recipe.parameters, **parameters}, filtered=filtered)


def _shown(image: Images, layout: Layout) -> Images:
    if layout.size is not None:
        return resized(image, layout.size)
    return image if layout.scale == 1 else image.repeat(layout.scale, axis=0).repeat(layout.scale, axis=1)


def _json(images: Images, recipe: Recipe, layout: Layout) -> bytes:
    height, width = layout.single(*images.shape[1:3])
    content = {
        "model": f"{recipe.model}@{recipe.version}",
        "digest": recipe.digest,
        "truncation_psi": recipe.truncation_psi,
        **{name: value for name, value in recipe.parameters.items() if name == "label_shares"},
        "width": width,
        "height": height,
        "images": [
            {**facts(recipe, i), "b64_png": base64.b64encode(file).decode("ascii")}
            for i, file in enumerate(files(images, recipe, layout, "png"))
        ],
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _zip(images: Images, recipe: Recipe, layout: Layout) -> bytes:
    """PNG files and metadata.jsonl, in the layout that image-folder loaders read. Stored: PNG is compressed already."""
    buffer = io.BytesIO()
    rows = []
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for i, file in enumerate(files(images, recipe, layout, "png")):
            row = facts(recipe, i)
            name = f"{i:06d}_{row['seed']}.png"
            archive.writestr(entry(name), file)
            rows.append(json.dumps({"file_name": name, **row}))
        archive.writestr(entry("metadata.jsonl"), "\n".join(rows) + "\n")
    return buffer.getvalue()


def facts(recipe: Recipe, i: int) -> dict[str, int | str | None]:
    """What names image i: its seed, and its label where the model has classes."""
    return {"seed": int(recipe.seeds[i]), "label": recipe.labels[i] if recipe.labels else None}


def entry(name: str) -> zipfile.ZipInfo:
    """A fixed date (the earliest that ZIP knows), so that equal requests have equal bytes."""
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    return entry
