"""python -m training evaluate RUN: how far a run's images are from the ones it never saw."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.measure import measure

HELP = "compare a run's images with the ones it never saw"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    add_count(command)
    command.set_defaults(command=_run)


def add_count(command: ArgumentParser) -> None:
    command.add_argument("--count", type=int, default=1000, help="images compared, at most (default: %(default)s)")


def _run(options: Namespace) -> int:
    for name, metric in measure(options.run, options.count).items():
        print(
            f"{name:26} {metric.value:10.4f}   floor {metric.floor or 0.0:10.4f}   extractor {metric.extractor_sha256}"
        )
    return 0
