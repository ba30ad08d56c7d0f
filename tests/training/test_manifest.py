"""The publisher's manifest: as JSON reads it back, or refused by the name of the field. tests/contract has more."""

import json

import pytest

from training.facts import Dataset, TrainingFacts
from training.manifest import InvalidManifest, check, checked, encode, fingerprint, training_block

FILES = ("generator.pt", "golden.png", "preview.png", "MODEL_CARD.md")


def manifest(**changes):
    facts = TrainingFacts(
        family="dcgan",
        dataset=Dataset("drawings", "0" * 64, 100, 10),
        recipe="dcgan",
        config={"betas": (0.5, 0.999)},
        seed=0,
        images_seen=1,
        seconds=1.0,
        cpu_hours=0.1,
        commit="",
        device="cpu",
        versions={},
    )
    return {
        "schema_version": 1,
        "format": "torchscript",
        "name": "drawings",
        "version": 1,
        "family": facts.family,
        "created": "2026-11-24T02:14:00Z",
        "files": {name: fingerprint(name.encode()) for name in FILES},
        "latent": {"dim": 2, "distribution": "normal", "mean": (0.5, -0.5)},
        "image": {"height": 8, "width": 8, "channels": 3},
        "classes": ("猫",),
        "capabilities": ["generate"],
        "golden": {"seeds": (0, 1), "labels": [0, 0], "columns": 4, "padding": 0, "tolerance": 2},
        "training": training_block(facts),
        "metrics": {},
        "memorisation": {"verdict": "not-audited", "summary": ""},
        "licence": {"data": "CC0-1.0", "weights": "CC0-1.0"},
    } | changes


def test_what_is_written_is_what_was_checked():
    data = encode(manifest())
    assert json.loads(data) == checked(manifest())
    assert data.endswith(b"}\n")
    assert "猫".encode() in data
    assert json.loads(data)["training"]["config"] == {"betas": [0.5, 0.999]}


def test_a_fingerprint_is_hash_and_size():
    assert fingerprint(b"abc") == {
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "bytes": 3,
    }


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"name": "Drawings"}, "manifest.name: "),
        ({"image": {"height": 8, "width": 8, "channels": 2}}, "manifest.image.channels: "),
        ({"surprise": 1}, "surprise"),
        ({"created": "2026-02-30T00:00:00Z"}, "manifest.created: "),
        ({"latent": {"dim": 3, "distribution": "normal", "mean": [0, 0]}}, "latent.mean"),
        ({"classes": []}, "golden.labels"),
        ({"metrics": {"kid": {1, 2}}}, "no JSON"),
        ({"created": float("nan")}, "no JSON"),
    ],
)
def test_the_field_is_named(change, part):
    with pytest.raises(InvalidManifest) as caught:
        encode(manifest(**change))
    assert part in str(caught.value)


@pytest.mark.parametrize("document", [None, [], 3, "text", {}])
def test_other_documents_are_no_manifests(document):
    with pytest.raises(InvalidManifest):
        check(document)
