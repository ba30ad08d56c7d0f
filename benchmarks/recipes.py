"""Recipe against recipe: same folder, same minutes, same moment, a processor core each or an equal share of one.

    python -m benchmarks.recipes data/avatars data/emoji --minutes 15

Trains every recipe on a folder side by side, then measures kernel distances (KID) of their images against the held-out
images with both extractors, beside the floor (training images against the held-out ones), and prints a Markdown table.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from training.fit import RECIPES
from training.measure import measure
from training.snapshot import load_generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--judge", nargs="+", type=Path, help="only measure these finished runs")
    options = parser.parse_args()
    print("| data | recipe | images seen | minutes | KID efficientnet-lite0 (floor) | KID open-nsfw (floor) |")
    print("|---|---|--:|--:|--:|--:|")
    if options.judge:
        for run in options.judge:
            print(judge(run), flush=True)
        return
    for folder in options.folders:
        for run in train_side_by_side(folder, options.recipes, options.minutes, options.out):
            print(judge(run), flush=True)


def train_side_by_side(folder: Path, recipes: Sequence[str], minutes: float, out: Path) -> list[Path]:
    """Starts one process a recipe, each of one thread and bound to the next core, and waits for all.

    With fewer cores than recipes (`taskset` chooses them) the scheduler shares a core out equally.
    """
    cores = cycle(sorted(os.sched_getaffinity(0)))
    processes = []
    for core, recipe in zip(cores, recipes, strict=False):
        command = [sys.executable, "-m", "training", "fit", str(folder), "--recipe", recipe]
        command += ["--minutes", str(minutes), "--out", str(out / recipe)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        bind = ["taskset", "-c", str(core)]
        processes.append(subprocess.Popen(bind + command, stdout=subprocess.PIPE, env=environment, text=True))
    runs = []
    for process in processes:
        printed, _ = process.communicate()
        if process.returncode:
            sys.exit(f"a training process ended with status {process.returncode}")
        runs.append(Path(printed.strip().splitlines()[-1]))
    return runs


def judge(run: Path) -> str:
    """One row of the table."""
    snapshot = load_generator(run)
    metrics = measure(run)
    options = snapshot.options
    cells = [options["dataset"]["name"], options["recipe"], f"{snapshot.images_seen:,}", f"{snapshot.seconds / 60:.1f}"]
    for name in ("kid_efficientnet_lite0", "kid_open_nsfw"):
        cells.append(f"{metrics[name].value:.4f} ({metrics[name].floor:.4f})")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
