"""A finished generator becomes models/NAME/VERSION: exported, proved against itself, described, and written whole."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from training import card
from training.export import ExportError, capabilities, export, load
from training.facts import Dataset, Memorisation, Metric, TrainingFacts
from training.golden import COLUMNS, GOLDEN_SEEDS, PREVIEW_SEEDS, TOLERANCE, cycled_labels, render
from training.manifest import FILE, SCHEMA_VERSION, checked, encode, fingerprint, training_block
from training.sheet import png, sheet
from training.versions import next_version, write_version

if TYPE_CHECKING:
    from training.snapshot import Snapshot

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_FAMILIES = {"dcgan": "dcgan", "autoencoder": "autoencoder"}


class PublishError(Exception):
    """Nothing was published; the message says why and what to do."""


def publish(
    generator: nn.Module,
    facts: TrainingFacts,
    models_dir: Path,
    name: str,
    *,
    data_licence: str,
    weights_licence: str,
    allow_failed_audit: bool = False,
) -> Path:
    """Writes the next version of models_dir/name and returns its folder.

    generator: as training.export.export wants it. Licences: SPDX expressions.
    Raises PublishError and leaves no trace when the name, the generator or a fact will not do, when the memorisation
    audit failed (unless allow_failed_audit), or when the disk fails.
    """
    _check(name, generator, facts, allow_failed_audit)
    model = models_dir / name
    try:
        data = export(generator)
        files = {"generator.pt": data, **_pictures(load(data), generator, facts.classes)}
        version = next_version(model)
        licence = {"data": data_licence, "weights": weights_licence}
        # The card is made from the manifest, and the manifest holds the hash of the card: a blank one stands in first.
        manifest = checked({**_about(name, version, facts, generator, files), "licence": licence})
        files["MODEL_CARD.md"] = card.render(manifest).encode()
        manifest["files"] = _fingerprints(files)
        return write_version(model, version, {**files, FILE: encode(manifest)})
    except (ExportError, ValueError) as error:
        raise PublishError(f"{name} cannot be published: {error}") from error
    except OSError as error:
        raise PublishError(f"{model}: could not be written ({error}); nothing was left there, try again") from error


def publish_run(
    run: Path,
    models_dir: Path,
    name: str,
    *,
    data_licence: str,
    weights_licence: str,
    metrics: Mapping[str, Metric] | None = None,
    memorisation: Memorisation | None = None,
    allow_failed_audit: bool = False,
) -> Path:
    """Publishes what a run folder has learned; metrics and memorisation are what `evaluate` and `audit` found.

    Raises PublishError as `publish` does, and FileNotFoundError or CheckpointError where there is no run to read.
    """
    from training.snapshot import load_generator  # brings the whole trainer with it, which `publish` does without

    snapshot = load_generator(run)
    facts = _facts_of_run(snapshot, metrics or {}, memorisation or Memorisation())
    return publish(
        snapshot.generator,
        facts,
        models_dir,
        name,
        data_licence=data_licence,
        weights_licence=weights_licence,
        allow_failed_audit=allow_failed_audit,
    )


def check_name(name: str) -> None:
    """Raises PublishError for a name that no model can have."""
    if not NAME.fullmatch(name):
        raise PublishError(f"name {name!r}: use a-z, 0-9 and -, at most 63 of them, the first a letter or digit")


def require_no_copies(name: str, memorisation: Memorisation, allow_failed_audit: bool) -> None:
    """Raises PublishError when the audit failed and that is not allowed."""
    if memorisation.verdict == "failed" and not allow_failed_audit:
        raise PublishError(
            f"{name} copies its training images, says the audit: {memorisation.summary} "
            "Train on more images or for a shorter time, or allow a failed audit (--allow-failed-audit); the card will "
            "say so"
        )


def _check(name: str, generator: Any, facts: TrainingFacts, allow_failed_audit: bool) -> None:
    check_name(name)
    require_no_copies(name, facts.memorisation, allow_failed_audit)
    classes = getattr(generator, "num_classes", None)
    if classes != len(facts.classes):
        raise PublishError(f"the generator has num_classes {classes}, but {len(facts.classes)} classes are named")


def _pictures(saved: nn.Module, generator: Any, classes: tuple[str, ...]) -> dict[str, bytes]:
    """golden.png and preview.png, through the module that is published."""
    pictures = {}
    for file, seeds, columns in (("golden.png", GOLDEN_SEEDS, COLUMNS), ("preview.png", PREVIEW_SEEDS, 8)):
        images = render(saved, seeds, cycled_labels(seeds, len(classes)), generator.z_dim)
        pictures[file] = png(sheet(images, columns))
    return pictures


def _fingerprints(files: Mapping[str, bytes]) -> dict[str, Any]:
    return {"MODEL_CARD.md": fingerprint(b" "), **{file: fingerprint(content) for file, content in files.items()}}


def _about(name: str, version: int, facts: TrainingFacts, generator: Any, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The manifest but for the licence."""
    return {
        "schema_version": SCHEMA_VERSION,
        "format": "torchscript",
        "name": name,
        "version": version,
        "family": facts.family,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": _fingerprints(files),
        "latent": {"dim": generator.z_dim, "distribution": "normal", "mean": facts.latent_mean},
        "image": {
            "height": generator.img_resolution,
            "width": generator.img_resolution,
            "channels": generator.img_channels,
        },
        "classes": facts.classes,
        "capabilities": capabilities(generator),
        "golden": {
            "seeds": GOLDEN_SEEDS,
            "labels": cycled_labels(GOLDEN_SEEDS, len(facts.classes)),
            "columns": COLUMNS,
            "padding": 0,
            "tolerance": TOLERANCE,
        },
        "training": training_block(facts),
        "metrics": {metric: asdict(found) for metric, found in facts.metrics.items()},
        "memorisation": asdict(facts.memorisation),
    }


def _facts_of_run(snapshot: "Snapshot", metrics: Mapping[str, Metric], memorisation: Memorisation) -> TrainingFacts:
    options, generator = snapshot.options, snapshot.generator
    dataset, device = options["dataset"], str(options["device"])
    ranks = options.get("ranks", 1)  # the first one's time is kept; the others took as long
    family: Any = options.get("family") or _FAMILIES.get(options["recipe"], "tessera-gan")
    return TrainingFacts(
        family=family,
        dataset=Dataset(dataset["name"], dataset["sha256"], dataset["count"], dataset["held_out"]),
        recipe=options["recipe"],
        config=options["config"],
        seed=options["seed"],
        images_seen=snapshot.images_seen,
        seconds=snapshot.seconds,
        cpu_hours=snapshot.cpu_seconds / 3600 * ranks,
        energy_wh=snapshot.energy_wh,
        gpu_hours=snapshot.seconds / 3600 * ranks if device.startswith("cuda") else 0.0,
        commit=options["commit"],
        device=device,
        versions=options["versions"],
        # A recipe may ignore the classes of its folder, as the tutorial's does.
        classes=tuple(dataset["class_names"]) if generator.num_classes else (),
        metrics=metrics,
        memorisation=memorisation,
    )
