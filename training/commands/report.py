"""python -m training report RUN: the run as one HTML file."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.report.write import write_report

HELP = "write RUN/report.html: curves, samples over time, figures and the closest pairs"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    print(write_report(options.run))
    return 0
