"""The command line: python -m training COMMAND; training/commands has one file for each."""

import argparse
import sys
from types import ModuleType

from training.checkpoint import CheckpointError
from training.commands import add_encoder, audit, evaluate, fit, lint, publish, report, resume
from training.data.errors import DataError
from training.evaluation.features import ExtractorUnavailable
from training.publish import PublishError

COMMANDS: dict[str, ModuleType] = {
    "lint": lint,
    "fit": fit,
    "resume": resume,
    "add-encoder": add_encoder,
    "evaluate": evaluate,
    "audit": audit,
    "publish": publish,
    "report": report,
}
REFUSED = (DataError, CheckpointError, PublishError, ExtractorUnavailable, ValueError, OSError)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 done, 1 the folder or run cannot be used or does not pass, 2 wrong arguments, 130
    stopped early."""
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
