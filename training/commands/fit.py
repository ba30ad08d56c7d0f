"""python -m training fit FOLDER: a run of training, from its first step."""

import sys
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from training import ranks
from training.commands.budget import add_budget, asked_minutes
from training.fit import RECIPES, FitOptions, fit
from training.loop import Outcome

HELP = "train on a folder of images (flat, or one folder a class)"
DEFAULT_MINUTES = 20.0
STOPPED = 130


def add(command: ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--recipe", choices=RECIPES, default=RECIPES[0], help="default: %(default)s")
    add_budget(command, DEFAULT_MINUTES)
    command.add_argument("--resolution", type=int, choices=(32, 64, 128), help="default: from the images' sizes")
    command.add_argument("--channels", type=int, choices=(1, 3, 4), help="grey, RGB or RGBA; default: from the images")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    command.add_argument("--out", type=Path, default=Path("runs"), help="where run folders go (default: %(default)s)")
    command.add_argument("--profile", action="store_true", help="write what ten steps cost to the run's profile.txt")
    command.set_defaults(command=_run)


def tell(run: Path, outcome: Outcome, goes_on: str = "resume") -> int:
    """Prints the run's folder and, when it was stopped before its end, how to go on. Returns the exit status."""
    if ranks.rank() == 0:
        print(run)
    if outcome.finished:
        return 0
    print(f"stopped; go on with: python -m training {goes_on} {run}", file=sys.stderr)
    return STOPPED


def head_start() -> float:
    """Seconds since this process began: its imports took them from the user's minutes, and kept one core busy."""
    return time.process_time()


def _run(options: Namespace) -> int:
    asked = FitOptions(
        folder=options.folder,
        recipe=options.recipe,
        minutes=asked_minutes(options),
        images=options.images,
        resolution=options.resolution,
        channels=options.channels,
        seed=options.seed,
        device=options.device,
        profile=options.profile,
    )
    with ranks.joined():
        return tell(*fit(asked, options.out, head_start()))
