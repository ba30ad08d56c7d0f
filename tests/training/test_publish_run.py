"""publish, of a run: what its folder says goes into the manifest, and nothing else."""

from pathlib import Path

import pytest

from tests.training.tiny import LICENCES, SIDE, Tiny, read
from training import snapshot
from training.facts import Memorisation, Metric
from training.publish import PublishError, publish_run

OPTIONS = {
    "recipe": "tessera",
    "config": {"batch_size": 32},
    "dataset": {
        "name": "drawings",
        "path": "/home/somebody/drawings",
        "sha256": "0" * 64,
        "count": 100,
        "held_out": 10,
        "class_names": ["a", "b"],
        "resolution": SIDE,
        "channels": 3,
    },
    "seed": 3,
    "versions": {"torch": "2.14.1"},
    "commit": "abc",
    "device": "cpu",
    "started": "2026-11-24T02:14:00+00:00",
}


@pytest.fixture
def run(monkeypatch):
    """A run folder is the checkpoint module's matter; this is what it says it gives."""

    def prepare(generator, **options):
        found = snapshot.Snapshot(
            generator=generator,
            options=OPTIONS | options,
            taken_at=640,
            images_seen=640,
            seconds=7200.0,
            cpu_seconds=9000.0,
            energy_wh=150.0,
        )
        monkeypatch.setattr(snapshot, "load_generator", lambda run: found)
        return Path("runs/00000-drawings-tessera")

    return prepare


def test_the_run_says_what_it_was(tmp_path, run):
    folder = publish_run(run(Tiny(2)), tmp_path, "drawings", **LICENCES)
    manifest = read(folder)
    assert manifest["classes"] == ["a", "b"]
    assert manifest["family"] == "tessera-gan"
    assert manifest["training"]["seed"] == 3
    assert manifest["training"]["images_seen"] == 640
    assert manifest["training"]["seconds"] == 7200
    assert manifest["training"]["cpu_hours"] == 2.5
    assert manifest["training"]["gpu_hours"] == 0
    assert manifest["training"]["energy_wh"] == 150
    assert manifest["memorisation"]["verdict"] == "not-audited"
    assert manifest["metrics"] == {}
    published = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"/home/somebody" not in published


def test_an_unconditional_recipe_forgets_the_classes_of_its_folder(tmp_path, run):
    manifest = read(publish_run(run(Tiny(), recipe="dcgan"), tmp_path, "drawings", **LICENCES))
    assert manifest["classes"] == []
    assert manifest["family"] == "dcgan"


def test_a_family_in_the_options_counts(tmp_path, run):
    manifest = read(publish_run(run(Tiny(), family="autoencoder"), tmp_path, "drawings", **LICENCES))
    assert manifest["family"] == "autoencoder"


def test_hours_on_a_gpu_are_counted(tmp_path, run):
    manifest = read(publish_run(run(Tiny(), device="cuda"), tmp_path, "drawings", **LICENCES))
    assert manifest["training"]["gpu_hours"] == 2


def test_hours_of_every_rank_are_counted(tmp_path, run):
    manifest = read(publish_run(run(Tiny(), device="cuda", ranks=4), tmp_path, "drawings", **LICENCES))
    assert manifest["training"]["gpu_hours"] == 8
    assert manifest["training"]["cpu_hours"] == 10
    assert manifest["training"]["seconds"] == 7200


def test_what_evaluate_and_audit_found_is_carried(tmp_path, run):
    folder = publish_run(
        run(Tiny()),
        tmp_path,
        "drawings",
        **LICENCES,
        metrics={"kid": Metric(0.4)},
        memorisation=Memorisation("passed", "as far as held-out images"),
    )
    assert read(folder)["metrics"]["kid"]["value"] == 0.4
    assert read(folder)["memorisation"]["verdict"] == "passed"


def test_a_failed_audit_is_refused_here_too(tmp_path, run):
    with pytest.raises(PublishError, match="copies"):
        publish_run(run(Tiny()), tmp_path, "drawings", **LICENCES, memorisation=Memorisation("failed", "x"))
