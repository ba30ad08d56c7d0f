"""A valid model folder whose generator is no real one: the store never parses it."""

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from app.inference.latents import latents
from app.registry.registry import Registry
from tests.app.registry.painted import Painter, Queue, grid, paint, png

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


@pytest.fixture
def house(tmp_path, publish):
    """models_dir, a registry over it, and every engine call and batcher there was."""
    calls, queues = [], []

    def build_batcher(manifest, engine):
        queues.append(Queue(manifest.ref, on_drain=lambda ref: house.on_drain(ref)))
        return queues[-1]

    def add(name="avatars", version=1, change=None, golden=None, **program):
        program = {"slope": 30} | program
        folder = tmp_path / name / str(version)
        if folder.exists():
            shutil.rmtree(folder)
        z = latents(np.arange(16, dtype=np.uint32), 4)
        tiles = paint(z, np.zeros(16, np.int64), program["slope"])
        contents = {
            "generator.pt": json.dumps(program).encode(),
            "golden.png": png(grid(tiles)) if golden is None else golden,
            "preview.png": b"preview",
            "MODEL_CARD.md": b"# Card",
        }
        publish(tmp_path, name, version, contents=contents)
        if change:
            path = folder / "manifest.json"
            manifest = json.loads(path.read_text())
            change(manifest)
            path.write_text(json.dumps(manifest))
        return folder

    def registry(default=""):
        return Registry(tmp_path, lambda model: Painter(model, calls), build_batcher, default=default)

    house = SimpleNamespace(
        dir=tmp_path, add=add, calls=calls, queues=queues, registry=registry, on_drain=lambda ref: None
    )
    return house
