"""python -m training evaluate RUN|MODEL [FOLDER]: how far generated images are from ones that were never seen."""

import dataclasses
import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from tempfile import TemporaryDirectory

from training import subject
from training.evaluation.evaluate import EXTRACTORS
from training.evaluation.features import extractor
from training.facts import Metric
from training.judgement import evaluate_run
from training.measure import COUNT, measure

HELP = "compare the images of a run or a published model with real ones, each figure beside its floor"


def add(command: ArgumentParser) -> None:
    command.add_argument("path", type=Path, metavar="RUN|MODEL", help="a run's folder, or models/NAME/VERSION")
    command.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help="real images (default: those the run was trained on)"
    )
    add_count(command)
    command.add_argument(
        "--extractor",
        action="append",
        metavar="NAME",
        help=f"network to see through: {', '.join(EXTRACTORS)} or package.module:factory; may be repeated "
        "(default: both of them)",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    command.set_defaults(command=_run)


def add_count(command: ArgumentParser) -> None:
    command.add_argument("--count", type=int, default=COUNT, help="images compared, at most (default: %(default)s)")


def _run(options: Namespace) -> int:
    extractors = [extractor(name) for name in options.extractor] if options.extractor else None
    with TemporaryDirectory() as cache:
        found = subject.of(options.path, options.folder, Path(cache))
        if options.folder is None and extractors is None:
            metrics = evaluate_run(options.path, found, options.count)
        else:
            metrics = measure(found, options.count, extractors)
    _print(metrics)
    if options.json:
        figures = {name: dataclasses.asdict(metric) for name, metric in metrics.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _print(metrics: dict[str, Metric]) -> None:
    width = max(map(len, metrics))
    for name, metric in metrics.items():
        floor = "none" if metric.floor is None else f"{metric.floor:.4f}"
        print(f"{name:{width}}  {metric.value:10.4f}  floor {floor:>10}  extractor {metric.extractor_sha256}")
