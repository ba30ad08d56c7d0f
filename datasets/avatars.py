"""avatars: 12,000 portraits of 64x64 pixels, drawn by avatars.mjs from two designs under CC0 1.0."""

import shutil
from pathlib import Path

from datasets.images import count, counted
from datasets.sources import HERE, SourceError, npm_modules, run

PER_STYLE = 6_000
STYLES = ("open-peeps", "pixel-art")


def make(folder: Path, cache: Path) -> int:
    """One folder a design. The n-th picture of a design is the same on every machine, up to the renderer's rounding."""
    if count(folder) != PER_STYLE * len(STYLES):
        npm_modules(cache)
        if shutil.which("node") is None:
            raise SourceError("node is not on this machine; install Node.js 18 or newer")
        run(["node", "avatars.mjs", str(folder.resolve()), str(PER_STYLE)], HERE)
    return counted(folder, PER_STYLE * len(STYLES))
