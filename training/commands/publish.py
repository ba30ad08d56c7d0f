"""python -m training publish RUN --name NAME: writes models/NAME/VERSION from a run."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.commands.evaluate import add_count
from training.measure import measure
from training.publish import check_name, publish_run

HELP = "write models/NAME/VERSION from a run"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    add_count(command)
    command.add_argument("--name", required=True, help="a-z, 0-9 and -")
    command.add_argument("--models", type=Path, default=Path("models"), help="default: %(default)s")
    command.add_argument("--data-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--weights-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--no-metrics", action="store_true", help="publish at once, without measuring first")
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
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
