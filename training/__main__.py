"""The command line: python -m training lint | fit | resume | evaluate | publish."""

import argparse
import json
import sys
from pathlib import Path

from training.checkpoint import CheckpointError
from training.data.errors import DataError
from training.data.lint import lint
from training.fit import RECIPES, FitOptions, fit, resume
from training.loop import Outcome
from training.measure import measure
from training.publish import PublishError, check_name, publish_run

DEFAULT_MINUTES = 20.0
STOPPED = 130
REFUSED = (DataError, CheckpointError, PublishError, ValueError, OSError)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 the folder or run cannot be used, 2 wrong arguments, 130 stopped early."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.command(options)
    except REFUSED as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return status


def _lint(options: argparse.Namespace) -> int:
    report = lint(options.folder)
    print(report.table())
    if options.json:
        options.json.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    return int(report.exit_status)


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


def _evaluate(options: argparse.Namespace) -> int:
    for name, metric in measure(options.run, options.count).items():
        print(
            f"{name:26} {metric.value:10.4f}   floor {metric.floor or 0.0:10.4f}   extractor {metric.extractor_sha256}"
        )
    return 0


def _publish(options: argparse.Namespace) -> int:
    check_name(options.name)
    metrics = {} if options.no_metrics else measure(options.run, options.count)
    version = publish_run(
        options.run,
        options.models,
        options.name,
        data_licence=options.data_licence,
        weights_licence=options.weights_licence,
        metrics=metrics,
    )
    print(version)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train a small generator on your own images."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_lint(commands.add_parser("lint", help="say what is in a folder and what is wrong with it"))
    _add_fit(commands.add_parser("fit", help="train on a folder of images (flat, or one folder a class)"))
    command = commands.add_parser("resume", help="go on with a run that was stopped")
    command.add_argument("run", type=Path, metavar="RUN")
    command.set_defaults(command=_resume)
    command = commands.add_parser("evaluate", help="compare a run's images with the ones it never saw")
    _add_measured(command)
    command.set_defaults(command=_evaluate)
    _add_publish(commands.add_parser("publish", help="write models/NAME/VERSION from a run"))
    return parser


def _add_lint(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the whole report here too")
    command.set_defaults(command=_lint)


def _add_fit(command: argparse.ArgumentParser) -> None:
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
    command.set_defaults(command=_fit)


def _add_measured(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    command.add_argument("--count", type=int, default=1000, help="images compared, at most (default: %(default)s)")


def _add_publish(command: argparse.ArgumentParser) -> None:
    _add_measured(command)
    command.add_argument("--name", required=True, help="a-z, 0-9 and -")
    command.add_argument("--models", type=Path, default=Path("models"), help="default: %(default)s")
    command.add_argument("--data-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--weights-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--no-metrics", action="store_true", help="publish at once, without measuring first")
    command.set_defaults(command=_publish)


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
