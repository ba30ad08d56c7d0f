"""Two readers of one format: what the publisher's JSON Schema refuses, the service refuses, and the reverse."""

import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.errors import ModelRejected
from app.registry.manifest import Manifest
from training.manifest import SCHEMA, InvalidManifest, check

MISSING = object()
DIGEST = "a" * 64


def put(*path_and_value):
    """A change: the value at the path, or nothing there."""
    *path, value = path_and_value

    def change(manifest):
        place = manifest
        for step in path[:-1]:
            place = place[step]
        if value is MISSING:
            del place[path[-1]]
        else:
            place[path[-1]] = value

    return pytest.param(change, id=f"{'.'.join(map(str, path))}={'nothing' if value is MISSING else repr(value)[:30]}")


BLOCKS = ("files", "latent", "image", "golden", "training", "metrics", "memorisation", "licence")
TOP = ("schema_version", "format", "name", "version", "family", "created", "classes", "capabilities", *BLOCKS)
AMOUNTS = ("seed", "images_seen", "seconds", "cpu_hours")
TRAINING = ("dataset", "recipe", "config", *AMOUNTS, "commit", "device", "versions")

BROKEN = [
    *(put(key, MISSING) for key in TOP),
    *(put("training", key, MISSING) for key in TRAINING),
    *(put("files", name, MISSING) for name in ("generator.pt", "golden.png", "preview.png", "MODEL_CARD.md")),
    *(put(key, None) for key in TOP),
    *(put(key, []) for key in TOP if key not in ("classes", "capabilities")),
    put("extra", 1),
    put("latent", "extra", 1),
    put("training", "extra", 1),
    put("training", "dataset", "path", "/somewhere"),
    put("schema_version", 0),
    put("schema_version", 2),
    put("schema_version", "1"),
    put("schema_version", True),
    put("format", "onnx"),
    put("name", ""),
    put("name", "Avatars"),
    put("name", "a/b"),
    put("name", ".."),
    put("name", "a" * 64),
    put("name", "a\n"),
    put("name", "-a"),
    put("name", "\u0661"),
    put("version", 0),
    put("version", -1),
    put("version", 10**9),
    put("version", 1.5),
    put("version", "1"),
    put("version", True),
    put("family", "stylegan"),
    put("created", "yesterday"),
    put("created", "2026-11-24"),
    put("created", "2026-11-24 02:14:00Z"),
    put("created", "2026-11-24T02:14:00"),
    put("created", "2026-13-24T02:14:00Z"),
    put("created", "2026-11-24T25:14:00Z"),
    put("created", "2026-11-24T02:14:00Z\n"),
    put("created", "\u0662026-11-24T02:14:00Z"),
    put("created", 1700000000),
    put("files", "generator.pt", "sha256", DIGEST[:-1]),
    put("files", "generator.pt", "sha256", DIGEST.upper()),
    put("files", "generator.pt", "sha256", DIGEST + "\n"),
    put("files", "generator.pt", "sha256", "g" * 64),
    put("files", "generator.pt", "bytes", 0),
    put("files", "generator.pt", "bytes", -5),
    put("files", "generator.pt", "bytes", 2**30 + 1),
    put("files", "generator.pt", "bytes", "123"),
    put("files", "generator.pt", "bytes", 1e300),
    put("files", "generator.pt", "path", "../x"),
    put("files", "golden.png", "bytes", 2**26 + 1),
    put("files", "preview.png", "bytes", 2**28 + 1),
    put("files", "MODEL_CARD.md", "bytes", 2**20 + 1),
    put("files", "../generator.pt", {"sha256": DIGEST, "bytes": 1}),
    put("files", "manifest.json", {"sha256": DIGEST, "bytes": 1}),
    put("latent", "dim", 0),
    put("latent", "dim", 4097),
    put("latent", "distribution", "uniform"),
    put("latent", "mean", []),
    put("latent", "mean", ["0"] * 10),
    put("latent", "mean", [1e7] * 10),
    put("latent", "mean", 0),
    put("image", "height", 0),
    put("image", "width", 1025),
    put("image", "channels", 2),
    put("image", "channels", 5),
    put("image", "channels", "3"),
    put("image", "channels", True),
    put("classes", ["a", "b", ""]),
    put("classes", ["a", "b", "b"]),
    put("classes", ["a", "b", 3]),
    put("classes", ["a", "b", "c\n"]),
    put("classes", ["a", "b", "\x00"]),
    put("classes", ["a", "b", "c" * 201]),
    put("classes", [str(number) for number in range(1001)]),
    put("classes", "abc"),
    put("capabilities", ["encode"]),
    put("capabilities", ["generate", "generate"]),
    put("capabilities", ["encode", "generate"]),
    put("capabilities", ["generate", "train"]),
    put("capabilities", "generate"),
    put("golden", "seeds", []),
    put("golden", "seeds", [-1]),
    put("golden", "seeds", [2**32]),
    put("golden", "seeds", [0, 0]),
    put("golden", "seeds", list(range(65))),
    put("golden", "seeds", [0.5]),
    put("golden", "labels", [-1] * 16),
    put("golden", "labels", []),
    put("golden", "columns", 0),
    put("golden", "columns", 65),
    put("golden", "padding", 2),
    put("golden", "padding", False),
    put("golden", "tolerance", -1),
    put("golden", "tolerance", 255),
    put("training", "dataset", "sha256", "unknown"),
    put("training", "dataset", "count", 0),
    put("training", "dataset", "held_out", -1),
    put("training", "dataset", "name", ""),
    put("training", "recipe", ""),
    put("training", "config", []),
    put("training", "seed", -1),
    put("training", "seed", 2**53),
    put("training", "images_seen", -1),
    put("training", "seconds", -0.5),
    put("training", "seconds", "12"),
    put("training", "seconds", True),
    put("training", "cpu_hours", 1e16),
    put("training", "gpu_hours", -1),
    put("training", "gpu_hours", None),
    put("training", "energy_wh", -1),
    put("training", "energy_wh", "12 Wh"),
    put("training", "commit", "c" * 101),
    put("training", "versions", {"torch": 2}),
    put("training", "versions", "torch", None),
    put("metrics", "kid", 0.4),
    put("metrics", "kid", {"value": 0.4}),
    put("metrics", "kid", {"value": None, "floor": None, "extractor_sha256": None}),
    put("metrics", "kid", {"value": 1, "floor": "0", "extractor_sha256": None}),
    put("metrics", "kid", {"value": 1, "floor": 0, "extractor_sha256": "abc"}),
    put("metrics", "", {"value": 1, "floor": 0, "extractor_sha256": None}),
    put("memorisation", "verdict", "fine"),
    put("memorisation", "summary", None),
    put("memorisation", "summary", "x" * 4001),
    put("licence", "data", ""),
    put("licence", "weights", MISSING),
    put("licence", "data", ["CC0-1.0"]),
]

# What joins two fields, or the calendar, JSON Schema cannot say: both sides check these beside it.
BROKEN_TOGETHER = [
    put("created", "2026-02-30T02:14:00Z"),
    put("created", "0000-01-01T00:00:00Z"),
    put("latent", "mean", [0.0] * 9),
    put("latent", "mean", [0.0] * 11),
    put("golden", "labels", None),
    put("golden", "labels", [0] * 15),
    put("golden", "labels", [0] * 17),
    put("golden", "labels", [3] * 16),
    put("golden", "seeds", [1]),
    put("classes", []),
    put("classes", ["one"]),
    put("training", "dataset", "held_out", 100),
    put("training", "dataset", "held_out", 101),
    put("training", "dataset", "count", 10),
]

SOUND = [
    put("created", "2026-11-24T02:14:00.123456789+05:30"),
    put("created", "2024-02-29T23:59:59-00:00"),
    put("version", 999_999_999),
    put("name", "0-9"),
    put("latent", "mean", [0, 1, -1, 0.5, 1e-9, 1e6, -1e6, 2, 3, 4]),
    put("classes", ["Füße", "猫", "a b"]),
    put("classes", ["a", "b", "c", "d"]),
    put("capabilities", ["generate", "encode"]),
    put("golden", "tolerance", 0),
    put("image", "height", 1024),
    put("training", "config", {"deep": {"er": [1, 2.5, None, True, "x", []]}, "": 0}),
    put("training", "gpu_hours", 0.5),
    put("training", "gpu_hours", MISSING),
    put("training", "energy_wh", 12),
    put("training", "energy_wh", None),
    put("training", "energy_wh", MISSING),
    put("training", "commit", ""),
    put("training", "seed", 2**53 - 1),
    put("training", "dataset", "held_out", 0),
    put("metrics", {}),
    put("metrics", "kid", {"value": -0.001, "floor": None, "extractor_sha256": None}),
    put("memorisation", {"verdict": "failed", "summary": ""}),
]


def service_accepts(manifest, folder):
    (folder / "manifest.json").write_text(json.dumps(manifest))
    try:
        Manifest.load(folder)
    except ModelRejected:
        return False
    return True


def publisher_accepts(manifest):
    try:
        check(manifest)
    except InvalidManifest:
        return False
    return True


def test_the_schema_is_one():
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text("utf-8")))


def test_what_is_published_is_accepted(manifest, tmp_path):
    assert publisher_accepts(manifest)
    assert service_accepts(manifest, tmp_path)


@pytest.mark.parametrize("change", BROKEN)
def test_both_refuse_the_broken(manifest, tmp_path, change):
    change(manifest)
    assert not publisher_accepts(manifest)
    assert not service_accepts(manifest, tmp_path)


@pytest.mark.parametrize("change", BROKEN)
def test_the_schema_alone_refuses_the_broken(manifest, change):
    change(manifest)
    assert not Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).is_valid(manifest)


@pytest.mark.parametrize("change", BROKEN_TOGETHER)
def test_both_refuse_parts_that_do_not_fit_together(manifest, tmp_path, change):
    change(manifest)
    assert not publisher_accepts(manifest)
    assert not service_accepts(manifest, tmp_path)


@pytest.mark.parametrize("change", SOUND)
def test_both_accept_the_sound(manifest, tmp_path, change):
    change(manifest)
    assert publisher_accepts(manifest)
    assert service_accepts(manifest, tmp_path)


# 1.0 is an integer to JSON Schema and none to the service; the format says how whole numbers are written.
FRACTIONS = st.floats(-1e20, 1e20).filter(lambda number: not number.is_integer())
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | FRACTIONS | st.text(max_size=5)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))


def paths(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, (*path, key))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=VALUES)
def test_both_agree_on_anything_anywhere(manifest, tmp_path, data, value):
    changed = copy.deepcopy(manifest)
    path = data.draw(st.sampled_from(list(paths(manifest))[1:]))
    place = changed
    for step in path[:-1]:
        place = place[step]
    if data.draw(st.booleans()):
        place[path[-1]] = value
    else:
        del place[path[-1]]
    assert publisher_accepts(changed) == service_accepts(changed, tmp_path)
