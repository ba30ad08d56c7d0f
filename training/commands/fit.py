"""python -m training fit FOLDER: a run of training, from its first step."""

import sys
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from training import ranks
from training.fit import RECIPES, FitOptions, fit
from training.loop import Outcome

HELP = "train on a folder of images (flat, or one folder a class)"
DEFAULT_MINUTES = 20.0
STOPPED = 130


def add(command: ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--recipe", choices=RECIPES, default=RECIPES[0], help="default: %(default)s")
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_positive, help=f"how long to train (default: {DEFAULT_MINUTES:.0f})")
    budget.add_argument("--images", type=int, help="train on so many images instead: reproducible to the bit")
    command.add_argument("--resolution", type=int, choices=(32, 64, 128), help="default: from the images' sizes")
    command.add_argument("--channels", type=int, choices=(1, 3, 4), help="grey, RGB or RGBA; default: from the images")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    command.add_argument("--out", type=Path, default=Path("runs"), help="where run folders go (default: %(default)s)")
    command.add_argument("--profile", action="store_true", help="write what ten steps cost to the run's profile.txt")
    command.set_defaults(command=_run)


def tell(run: Path, outcome: Outcome) -> int:
    """Prints the run's folder and, when it was stopped before its end, how to go on. Returns the exit status."""
    if ranks.rank() == 0:
        print(run)
    if outcome.finished:
        return 0
    print(f"stopped; go on with: python -m training resume {run}", file=sys.stderr)
    return STOPPED


def head_start() -> float:
    """Seconds since this process began: its imports took them from the user's minutes, and kept one core busy."""
    return time.process_time()


def _run(options: Namespace) -> int:
    minutes = options.minutes
    if options.images is None and minutes is None:
        minutes = DEFAULT_MINUTES
    asked = FitOptions(
        folder=options.folder,
        recipe=options.recipe,
        minutes=minutes,
        images=options.images,
        resolution=options.resolution,
        channels=options.channels,
        seed=options.seed,
        device=options.device,
        profile=options.profile,
    )
    with ranks.joined():
        return tell(*fit(asked, options.out, head_start()))


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text} is not a positive number")
    return value
