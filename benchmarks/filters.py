"""How often the PNG encoder's trial takes the larger of its two ways, and what that costs in bytes.

    python -m benchmarks.filters FOLDER [FOLDER ...]        (about half a minute a folder)

Grids of the images of each folder, from 4 to 64, with and without padding, clean and with Gaussian noise, enlarged and
not, up to 700 pixels high: each is deflated both ways in full, and compared with what the encoder chose.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from app.images import scanlines
from app.images.grid import assemble
from benchmarks.encoder import Pixels, load
from benchmarks.report import RESULTS, Report

TILES, NOISES, SCALES, PADDINGS = (4, 6, 9, 16, 25, 36, 64), (0.0, 0.5, 1.0, 2.0, 4.0), (1, 2, 3), (2, 0)
HIGHEST = 700
DRAWS = 2  # grids of other images


def main() -> int:
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("folders", nargs="+", type=Path)
    parse.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    options = parse.parse_args()
    report = Report("filters", "The trial of the PNG encoder, against both ways in full")
    rows = []
    for folder in options.folders:
        larger = np.array([cost(grid) for grid in grids(folder)])
        over = [f"{(larger > limit).sum()}" for limit in (1.02, 1.05)]
        rows.append([folder.name, str(len(larger)), f"{larger.mean() - 1:.2%}", f"{larger.max() - 1:.1%}", *over])
    report.table(["images of", "grids", "larger, mean", "at most", "more than 2 %", "more than 5 %"], rows)
    return report.write(options.results)


def grids(folder: Path) -> Iterator[Pixels]:
    numbers = np.random.default_rng(0)
    tiles = load(folder, "RGB")
    for count, noise, scale, padding, _ in itertools.product(TILES, NOISES, SCALES, PADDINGS, range(DRAWS)):
        chosen = tiles[numbers.permutation(len(tiles))[:count]]
        if noise:
            chosen = np.clip(chosen + numbers.normal(0, noise, chosen.shape), 0, 255).astype(np.uint8)
        grid = assemble(chosen, padding=padding, scale=scale)
        if len(grid) <= HIGHEST:
            yield grid


def cost(image: Pixels) -> float:
    """Bytes of the encoder's choice over those of the better way."""
    rows = image.reshape(len(image), -1)
    ways = scanlines._unfiltered(rows), scanlines._filtered(rows, image.shape[2])
    return len(scanlines.deflate_scanlines(image)) / min(len(scanlines._deflate(lines)) for lines in ways)


if __name__ == "__main__":
    sys.exit(main())
