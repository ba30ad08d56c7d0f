"""python -m training resume RUN: goes on with a run that was stopped."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training import ranks
from training.commands.fit import head_start, tell
from training.fit import resume

HELP = "go on with a run that was stopped"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    with ranks.joined():
        return tell(*resume(options.run, head_start()))
