"""manifest.json as the publisher writes it: built from facts, checked against models/manifest.schema.json."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

from training.facts import TrainingFacts

SCHEMA_VERSION = 1
FILE = "manifest.json"
SCHEMA = Path(__file__).parents[1] / "models" / "manifest.schema.json"

Json = dict[str, Any]


class InvalidManifest(ValueError):
    """A manifest that the service would refuse; the message names the field."""


def fingerprint(data: bytes) -> Json:
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def training_block(facts: TrainingFacts) -> Json:
    """The manifest's `training`: every field of the facts that has its name there."""
    names = ("recipe", "config", "seed", "images_seen", "seconds", "cpu_hours", "gpu_hours", "energy_wh")
    block = {name: getattr(facts, name) for name in (*names, "commit", "device", "versions")}
    return {"dataset": dataclasses.asdict(facts.dataset), **block}


def encode(manifest: Mapping[str, Any]) -> bytes:
    """The file's bytes. Raises InvalidManifest as `checked` does."""
    return _json(checked(manifest))


def checked(manifest: Mapping[str, Any]) -> Json:
    """`manifest` as JSON reads it back, after every rule of models/README.md was checked. Raises InvalidManifest."""
    try:
        document: Json = json.loads(_json(manifest))
    except (TypeError, ValueError) as error:
        raise InvalidManifest(f"the manifest is no JSON: {error}") from error
    check(document)
    return document


def check(manifest: Any) -> None:
    """Raises InvalidManifest unless `manifest` (parsed JSON) keeps the schema and the rules that join two fields."""
    error = best_match(_validator().iter_errors(manifest))
    if error is not None:
        raise InvalidManifest(f"manifest{error.json_path.removeprefix('$')}: {error.message[:300]}")
    for broken, complaint in _joined_rules(manifest):
        if broken:
            raise InvalidManifest(complaint)


def _json(manifest: Mapping[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _joined_rules(manifest: Json) -> list[tuple[bool, str]]:
    latent, golden, classes = manifest["latent"], manifest["golden"], len(manifest["classes"])
    dataset, labels = manifest["training"]["dataset"], golden["labels"]
    return [
        (
            latent["mean"] is not None and len(latent["mean"]) != latent["dim"],
            "latent.mean must have latent.dim numbers",
        ),
        ((labels is None) != (classes == 0), "golden.labels must be null exactly when classes is empty"),
        (labels is not None and len(labels) != len(golden["seeds"]), "golden.labels must have one for each seed"),
        (labels is not None and max(labels) >= classes, "golden.labels must be below the number of classes"),
        (dataset["held_out"] >= dataset["count"], "training.dataset.held_out must be less than count"),
    ]


@cache
def _validator() -> Draft202012Validator:
    formats = FormatChecker(())
    formats.checks("date-time", raises=ValueError)(_is_date_time)
    return Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")), format_checker=formats)


def _is_date_time(value: object) -> bool:
    # The schema's pattern fixes the form; this finds the 30th of February.
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))
