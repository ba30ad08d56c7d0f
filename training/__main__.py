"""The command line: python -m training fit FOLDER | resume RUN | lint FOLDER | publish RUN --name NAME | evaluate RUN."""

import argparse
import sys
from pathlib import Path

from training.checkpoint import CheckpointError
from training.data.errors import DataError
from training.fit import RECIPES, FitOptions, fit, resume
from training.loop import Outcome

DEFAULT_MINUTES = 20.0
STOPPED = 130


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 the folder or run cannot be used, 2 wrong arguments, 130 stopped by a signal."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except (DataError, CheckpointError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


def _fit(options: argparse.Namespace) -> int:
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
    )
    return _report(*fit(asked, options.out))


def _resume(options: argparse.Namespace) -> int:
    return _report(*resume(options.run))


def _report(run: Path, outcome: Outcome) -> int:
    print(run)
    if outcome.finished:
        return 0
    print(f"stopped; go on with: python -m training resume {run}", file=sys.stderr)
    return STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train a small generator on your own images."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("fit", help="train on a folder of images (flat, or one folder a class)")
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--recipe", choices=RECIPES, default="tessera", help="default: %(default)s")
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_positive, help=f"how long to train (default: {DEFAULT_MINUTES:.0f})")
    budget.add_argument(
        "--images", type=int, help="how many images to train on instead of a time: reproducible to the bit"
    )
    command.add_argument("--resolution", type=int, choices=(32, 64, 128), help="default: from the images' sizes")
    command.add_argument("--channels", type=int, choices=(1, 3, 4), help="grey, RGB or RGBA; default: from the images")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    command.add_argument("--out", type=Path, default=Path("runs"), help="where run folders go (default: %(default)s)")
    command.set_defaults(command=_fit)

    command = commands.add_parser("resume", help="go on with a run that was stopped")
    command.add_argument("run", type=Path, metavar="RUN")
    command.set_defaults(command=_resume)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def console() -> None:
    """The `tessera-train` script."""
    sys.exit(main())


if __name__ == "__main__":
    console()
