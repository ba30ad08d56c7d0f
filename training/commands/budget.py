"""The arguments --minutes and --images: how long a command may train."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace


def add_budget(command: ArgumentParser, minutes: float) -> None:
    """minutes: the default where neither is given."""
    budget = command.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=_positive, help=f"how long to train (default: {minutes:.0f})")
    budget.add_argument("--images", type=int, help="train on so many images instead: on a CPU reproducible to the bit")
    command.set_defaults(default_minutes=minutes)


def asked_minutes(options: Namespace) -> float | None:
    """None where a number of images was asked for."""
    minutes: float | None = options.minutes
    return options.default_minutes if minutes is None and options.images is None else minutes


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ArgumentTypeError(f"{text} is not a positive number")
    return value
