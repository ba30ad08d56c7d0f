"""python -m training add-encoder RUN: teaches a finished run's generator to take images in."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.add_encoder import add_encoder
from training.commands.budget import add_budget, asked_minutes
from training.commands.fit import head_start, tell

HELP = "train an encoder for a finished run, which then publishes with `encode`"
DEFAULT_MINUTES = 10.0


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    add_budget(command, DEFAULT_MINUTES)
    command.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    limits = {"minutes": asked_minutes(options), "images": options.images, "processor_time": False}
    outcome = add_encoder(options.run, limits, options.device, head_start())
    return tell(options.run, outcome, goes_on="add-encoder")
