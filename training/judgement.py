"""What evaluate and audit found about a run, kept in its folder and good for as long as its weights stay the same.

evaluation.json   metrics, each beside its floor
audit.json        verdict, tests and closest pairs; closest.png shows those pairs
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from training import run as runs
from training.drawing import draw
from training.evaluation.memorisation import Audit, audit, contact_sheet
from training.facts import Memorisation, Metric
from training.measure import measure
from training.sheet import png
from training.subject import Subject
from training.weights import weights_sha256

EVALUATION = "evaluation.json"
AUDIT = "audit.json"
CLOSEST = "closest.png"


def evaluate_run(run: Path, subject: Subject, count: int) -> dict[str, Metric]:
    """Measures, and keeps what was found. Raises ValueError as `measure` does."""
    metrics = measure(subject, count)
    found = {name: dataclasses.asdict(metric) for name, metric in metrics.items()}
    _keep(run, EVALUATION, subject.generator, count, found)
    return metrics


def evaluation_of(run: Path, subject: Subject, count: int) -> dict[str, Metric]:
    """What `evaluate` found about these very weights, or finds now."""
    found = _kept(run, EVALUATION, subject.generator, count)
    return evaluate_run(run, subject, count) if found is None else metrics_from(found)


def metrics_from(found: Mapping[str, Any]) -> dict[str, Metric]:
    return {name: Metric(**metric) for name, metric in found.items()}


def audit_run(run: Path, subject: Subject, count: int) -> Audit:
    """Looks for copies, and keeps the verdict and a sheet of the closest pairs, generated beside training image."""
    generated, images = draw(subject.generator, count, subject.labels), subject.images
    found = audit(generated, images)
    if found.closest:
        picture = contact_sheet(found, generated, images.images[images.train])
        runs.replace_file(run / CLOSEST, png(picture))
    _keep(run, AUDIT, subject.generator, count, found.to_json())
    return found


def memorisation_of(run: Path, subject: Subject, count: int) -> Memorisation:
    """What `audit` found about these very weights, or finds now."""
    found = _kept(run, AUDIT, subject.generator, count) or audit_run(run, subject, count).to_json()
    return Memorisation(found["verdict"], found["summary"])


def _keep(run: Path, file: str, generator: nn.Module, count: int, found: Any) -> None:
    runs.write_json(run / file, {"weights_sha256": weights_sha256(generator), "count": count, "found": found})


def _kept(run: Path, file: str, generator: nn.Module, count: int) -> Any | None:
    content = runs.read_json(run / file)
    if content is None or content["count"] != count or content["weights_sha256"] != weights_sha256(generator):
        return None
    return content["found"]
