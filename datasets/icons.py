"""icons: 4,134 game icons (game-icons.net, CC BY 3.0), black on white, 64x64 pixels, one flat folder.

No default was chosen by looking at this set: it is what the recipes are held against (EXPERIMENTS.md).
"""

from pathlib import Path

from datasets.images import count, counted
from datasets.sources import node

TOTAL = 4_134


def make(folder: Path, cache: Path) -> int:
    if count(folder) != TOTAL:
        node("icons.mjs", folder, cache=cache)
    return counted(folder, TOTAL)
