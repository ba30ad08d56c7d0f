"""avatars: 12,000 portraits of 64x64 pixels, drawn by avatars.mjs from two designs under CC0 1.0."""

from pathlib import Path

from datasets.images import count, counted
from datasets.sources import node

PER_STYLE = 6_000
STYLES = ("open-peeps", "pixel-art")


def make(folder: Path, cache: Path) -> int:
    """One folder a design. The n-th picture of a design is the same on every machine, up to the renderer's rounding."""
    if count(folder) != PER_STYLE * len(STYLES):
        node("avatars.mjs", folder, str(PER_STYLE), cache=cache)
    return counted(folder, PER_STYLE * len(STYLES))
