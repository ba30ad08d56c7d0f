"""The command line: python -m training COMMAND; training/commands has one file for each."""

import argparse
import sys
from types import ModuleType

from training.checkpoint import CheckpointError
from training.commands import evaluate, fit, lint, publish, resume
from training.data.errors import DataError
from training.publish import PublishError

COMMANDS: dict[str, ModuleType] = {
    "lint": lint,
    "fit": fit,
    "resume": resume,
    "evaluate": evaluate,
    "publish": publish,
}
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train a small generator on your own images."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add(commands.add_parser(name, help=command.HELP))
    return parser


if __name__ == "__main__":
    sys.exit(main())
