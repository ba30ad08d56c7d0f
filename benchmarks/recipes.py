"""Recipe against recipe: same folder, same minutes of processor time, one core each.

    python -m benchmarks.recipes data/avatars data/emoji --minutes 20

Trains every recipe on a folder side by side, then measures kernel distances (KID) of their images against the held-out
images with both extractors, beside the floor (training images against the held-out ones), and prints a Markdown table.
Processor time, not time on the clock, so that what else the machine does slows nobody's run more than another's.
"""

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path

import torch

from training.fit import RECIPES, FitOptions, fit
from training.measure import measure
from training.snapshot import load_generator
from training.subject import of_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=20.0, help="of processor time, each recipe")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--judge", action="store_true", help="the folders are finished runs: only measure them")
    options = parser.parse_args()
    print("| data | recipe | images seen | minutes | KID efficientnet-lite0 (floor) | KID open-nsfw (floor) |")
    print("|---|---|--:|--:|--:|--:|")
    for folder in options.folders:
        asked = (folder, options.recipes, options.minutes, options.out)
        for run in [folder] if options.judge else train_side_by_side(*asked):
            print(judge(run), flush=True)


def train_side_by_side(folder: Path, recipes: Sequence[str], minutes: float, out: Path) -> list[Path]:
    """One process a recipe, each of one thread and bound to the next core of those that this process may use."""
    cores = cycle(sorted(os.sched_getaffinity(0)))
    with ProcessPoolExecutor(len(recipes), mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        asked = [(folder, recipe, minutes, out / recipe, core) for core, recipe in zip(cores, recipes, strict=False)]
        return list(processes.map(_train, *zip(*asked, strict=True)))


def _train(folder: Path, recipe: str, minutes: float, out: Path, core: int) -> Path:
    os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    run, _ = fit(FitOptions(folder, recipe, minutes, processor_time=True), out)
    return run


def judge(run: Path) -> str:
    """One row of the table."""
    snapshot = load_generator(run)
    metrics = measure(of_run(run))
    options = snapshot.options
    cells = [
        options["dataset"]["name"],
        options["recipe"],
        f"{snapshot.images_seen:,}",
        f"{snapshot.cpu_seconds / 60:.1f}",
    ]
    for name in ("kid_efficientnet_lite0", "kid_open_nsfw"):
        cells.append(f"{metrics[name].value:.4f} ({metrics[name].floor:.4f})")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
