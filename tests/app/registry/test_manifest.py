"""Manifest.load: one sentence for each document that is none. What each field may hold: tests/contract."""

import json
import os

import pytest
from pydantic import ValidationError

from app.errors import ModelRejected
from app.registry.manifest import Manifest


def refusal(folder):
    with pytest.raises(ModelRejected) as caught:
        Manifest.load(folder)
    assert caught.value.folder == folder
    assert "\n" not in caught.value.reason
    return caught.value.reason


@pytest.fixture
def written(tmp_path):
    def write(data):
        (tmp_path / "manifest.json").write_bytes(data)
        return tmp_path

    return write


def test_a_valid_manifest_loads_whole(written, manifest):
    loaded = Manifest.load(written(json.dumps(manifest).encode()))
    assert loaded.ref == "avatars@1"
    assert loaded.golden.seeds == tuple(range(16))
    assert loaded.training.gpu_hours == 0
    assert loaded.training.energy_wh is None
    assert json.loads(loaded.model_dump_json(exclude_unset=True)) == manifest


def test_it_is_immutable(written, manifest):
    loaded = Manifest.load(written(json.dumps(manifest).encode()))
    with pytest.raises(ValidationError):
        loaded.name = "other"
    with pytest.raises(ValidationError):
        loaded.image.width = 9


def test_energy_gpu_hours_classes_and_mean_are_read(written, manifest):
    manifest["training"] |= {"gpu_hours": 1.5, "energy_wh": 12}
    manifest["classes"] = ["Füße", "b c"]
    manifest["golden"]["labels"] = [0, 1] * 8
    manifest["latent"]["mean"] = [0, 0.5, -1, 1e-9]
    loaded = Manifest.load(written(json.dumps(manifest).encode()))
    assert loaded.training.gpu_hours == 1.5
    assert loaded.training.energy_wh == 12
    assert loaded.classes == ("Füße", "b c")
    assert loaded.latent.mean == (0, 0.5, -1, 1e-9)


@pytest.mark.parametrize(
    ("data", "part"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"null", "not an object"),
        (b"[]", "not an object"),
        (b'"text"', "not an object"),
        (b"\xff\xfe", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b'{"schema_version": 1, "schema_version": 1}', "twice"),
        (b'{"schema_version": 1, "latent": {"dim": 1, "dim": 2}}', "twice"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "deeply"),
        (b'{"schema_version": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b"{}", "schema_version None"),
        (b'{"schema_version": 2}', "schema_version 2, this service reads 1"),
        (b'{"schema_version": "1"}', "schema_version '1'"),
        (b'{"schema_version": true}', "schema_version True"),
        (b'{"schema_version": null}', "schema_version None"),
        (b'{"schema_version": 1}', "format: Field required"),
    ],
)
def test_no_document(written, data, part):
    assert part in refusal(written(data))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("place", ["seconds", "config"])
def test_numbers_that_json_does_not_have(written, manifest, number, place):
    manifest["training"][place] = "HERE" if place == "seconds" else {"lr": "HERE"}
    refusal(written(json.dumps(manifest).replace('"HERE"', number).encode()))


def test_half_a_character_is_refused(written, manifest):
    manifest["training"]["config"] = {"note": "\ud800"}
    refusal(written(json.dumps(manifest).encode()))


def test_the_sentence_names_the_fields_and_counts_the_rest(written, manifest):
    manifest["image"] = {"height": 0, "width": 8, "channels": 2, "depth": 1}
    manifest["name"] = "Avatars!"
    reason = refusal(written(json.dumps(manifest).encode()))
    assert "name: " in reason
    assert "image.height: " in reason
    assert "(and 1 more)" in reason
    assert reason.endswith("publish the model again")


def test_a_long_value_does_not_fill_the_log(written, manifest):
    manifest["x" * 100_000] = "y" * 100_000
    assert len(refusal(written(json.dumps(manifest).encode()))) < 1000
    assert len(refusal(written(json.dumps({"schema_version": "1" * 100_000}).encode()))) < 1000


def test_missing_manifest(tmp_path):
    assert "manifest.json is missing" in refusal(tmp_path)


def test_missing_folder(tmp_path):
    assert "missing" in refusal(tmp_path / "none")


def test_absurd_size_is_refused_unread(tmp_path):
    with (tmp_path / "manifest.json").open("wb") as file:
        file.truncate(10**12)  # sparse
    assert "1000000000000 bytes" in refusal(tmp_path)


def test_a_link_is_refused(written, manifest, tmp_path):
    written(json.dumps(manifest).encode())
    (tmp_path / "manifest.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "manifest.json").symlink_to("elsewhere.json")
    assert "symbolic link" in refusal(tmp_path)


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "manifest.json")
    assert "not a regular file" in refusal(tmp_path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    (tmp_path / "manifest.json").mkdir()
    assert "not a regular file" in refusal(tmp_path)
