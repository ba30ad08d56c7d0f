"""A valid model folder whose generator is no real one: the store never parses it."""

import hashlib
import json
from pathlib import Path

import pytest

CONTENTS = {
    "generator.pt": b"weights " * 100,
    "golden.png": b"golden",
    "preview.png": b"preview",
    "MODEL_CARD.md": b"# Card\n",
}


def valid_manifest(name="avatars", version=1, contents=CONTENTS):
    return {
        "schema_version": 1,
        "format": "torchscript",
        "name": name,
        "version": version,
        "family": "tessera-gan",
        "created": "2026-11-24T02:14:00Z",
        "files": {
            file: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for file, data in contents.items()
        },
        "latent": {"dim": 4, "distribution": "normal", "mean": None},
        "image": {"height": 8, "width": 8, "channels": 3},
        "classes": [],
        "capabilities": ["generate"],
        "golden": {"seeds": list(range(16)), "labels": None, "columns": 4, "padding": 0, "tolerance": 2},
        "training": {
            "dataset": {"name": "drawings", "sha256": "0" * 64, "count": 100, "held_out": 10},
            "recipe": "tessera",
            "config": {"lr": 2e-4, "widths": [8, 4], "note": None},
            "seed": 0,
            "images_seen": 64,
            "seconds": 1.5,
            "cpu_hours": 0.001,
            "commit": "abc",
            "device": "cpu",
            "versions": {"torch": "2.14.1"},
        },
        "metrics": {"kid_open_nsfw": {"value": 0.4, "floor": 0.01, "extractor_sha256": "1" * 64}},
        "memorisation": {"verdict": "not-audited", "summary": ""},
        "licence": {"data": "CC0-1.0", "weights": "CC0-1.0"},
    }


def write_folder(models_dir, name="avatars", version=1, *, contents=CONTENTS, manifest=None) -> Path:
    folder = models_dir / name / str(version)
    folder.mkdir(parents=True)
    for file, data in contents.items():
        (folder / file).write_bytes(data)
    document = valid_manifest(name, version, contents) if manifest is None else manifest
    (folder / "manifest.json").write_text(json.dumps(document))
    return folder


@pytest.fixture
def manifest():
    return valid_manifest()


@pytest.fixture
def publish():
    """write_folder(models_dir, name, version, *, contents, manifest) -> the version's folder."""
    return write_folder
