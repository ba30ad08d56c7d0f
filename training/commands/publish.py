"""python -m training publish RUN --name NAME: writes models/NAME/VERSION from a run, measured and audited."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from training.commands.evaluate import add_count
from training.facts import Memorisation
from training.judgement import evaluation_of, memorisation_of
from training.publish import check_name, publish_run, require_no_copies
from training.report.write import write_report
from training.subject import of_run

HELP = "write models/NAME/VERSION from a run"


def add(command: ArgumentParser) -> None:
    command.add_argument("run", type=Path, metavar="RUN")
    add_count(command)
    command.add_argument("--name", required=True, help="a-z, 0-9 and -")
    command.add_argument("--models", type=Path, default=Path("models"), help="default: %(default)s")
    command.add_argument("--data-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--weights-licence", default="NOASSERTION", help="SPDX expression (default: %(default)s)")
    command.add_argument("--no-metrics", action="store_true", help="do not measure; the card will say so")
    command.add_argument("--no-audit", action="store_true", help="do not look for copies; the card will say so")
    command.add_argument(
        "--allow-failed-audit", action="store_true", help="publish even a generator that copies; the card will say so"
    )
    command.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    check_name(options.name)
    metrics, memorisation = {}, Memorisation()
    if not (options.no_metrics and options.no_audit):
        subject = of_run(options.run)
        # The audit first: it is the quicker one, and may end the matter.
        if not options.no_audit:
            memorisation = memorisation_of(options.run, subject, options.count)
            require_no_copies(options.name, memorisation, options.allow_failed_audit)
        if not options.no_metrics:
            metrics = evaluation_of(options.run, subject, options.count)
    version = publish_run(
        options.run,
        options.models,
        options.name,
        data_licence=options.data_licence,
        weights_licence=options.weights_licence,
        metrics=metrics,
        memorisation=memorisation,
        allow_failed_audit=options.allow_failed_audit,
    )
    write_report(options.run)
    print(version)
    return 0
