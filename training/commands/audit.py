"""python -m training audit RUN: does the run's generator copy the images it was trained on?"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.commands.evaluate import add_count
from training.judgement import CLOSEST, audit_run
from training.subject import of_run

HELP = "look for copies of training images among a run's images; exit status 1 unless it passes"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    add_count(command)
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    found = audit_run(options.run, of_run(options.run), options.count)
    print(f"{found.verdict}: {found.summary}")
    if found.closest:
        print(f"closest pairs, generated beside training image: {options.run / CLOSEST}")
    return 0 if found.verdict == "passed" else 1
