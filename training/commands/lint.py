"""python -m training lint FOLDER: what is in a folder of images, and what is wrong with it."""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.data.lint import lint

HELP = "say what is in a folder and what is wrong with it"


def add(command: ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--json", type=Path, metavar="FILE", help="write the whole report here too")
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    report = lint(options.folder)
    print(report.table())
    if options.json:
        options.json.write_text(json.dumps(report.to_json(), indent=2) + "\n")
    return int(report.exit_status)
