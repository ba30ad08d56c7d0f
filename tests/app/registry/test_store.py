"""Everything that can be wrong with a model folder is found before a byte of the generator could be parsed."""

import hashlib
import json
import os

import pytest

from app.errors import ModelRejected
from app.registry.store import discover, verify


def refusal(folder):
    with pytest.raises(ModelRejected) as caught:
        verify(folder)
    assert caught.value.folder == folder
    assert "\n" not in caught.value.reason
    return caught.value.reason


def test_a_whole_model_comes_back_with_the_bytes_that_were_hashed(tmp_path, publish):
    folder = publish(tmp_path)
    model = verify(folder)
    assert model.generator == (folder / "generator.pt").read_bytes()
    assert model.golden == (folder / "golden.png").read_bytes()
    assert model.digest == hashlib.sha256(model.generator).hexdigest()
    assert model.folder == folder
    assert model.manifest.ref == "avatars@1"
    assert "weights weights" not in repr(model)


@pytest.mark.parametrize("file", ["generator.pt", "golden.png", "preview.png", "MODEL_CARD.md"])
class TestEachFile:
    def test_one_changed_bit(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        reason = refusal(path.parent)
        assert file in reason
        assert "SHA-256" in reason
        assert "publish again" in reason

    def test_cut_short(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.write_bytes(path.read_bytes()[:-1])
        reason = refusal(path.parent)
        assert file in reason
        assert "the manifest says" in reason

    def test_too_long(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.write_bytes(path.read_bytes() + b"x")
        reason = refusal(path.parent)
        assert f"{file} has" in reason
        assert "expected" in reason

    def test_empty(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.write_bytes(b"")
        assert f"{file} has 0 bytes" in refusal(path.parent)

    def test_missing(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.unlink()
        assert f"{file} missing" in refusal(path.parent)

    def test_a_link_even_to_the_right_bytes(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.rename(tmp_path / "outside")
        path.symlink_to(tmp_path / "outside")
        reason = refusal(path.parent)
        assert file in reason
        assert "symbolic link" in reason

    def test_a_dangling_link(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.unlink()
        path.symlink_to("nowhere")
        assert "symbolic link" in refusal(path.parent)

    def test_a_pipe(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.unlink()
        os.mkfifo(path)
        assert f"{file} is not a regular file" in refusal(path.parent)

    def test_a_folder(self, tmp_path, publish, file):
        path = publish(tmp_path) / file
        path.unlink()
        path.mkdir()
        assert f"{file} is not a regular file" in refusal(path.parent)


def test_size_is_compared_before_anything_is_read(tmp_path, publish):
    path = publish(tmp_path) / "generator.pt"
    with path.open("wb") as file:
        file.truncate(10**13)  # sparse: reading it would take the machine's memory
    assert "10000000000000 bytes" in refusal(path.parent)


@pytest.mark.parametrize(
    "change",
    [
        {"manifest.json": {"sha256": "0" * 64, "bytes": 1}},
        {"../../../etc/passwd": {"sha256": "0" * 64, "bytes": 1}},
        {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}},
        {"extra.bin": {"sha256": "0" * 64, "bytes": 1}},
        {"": {"sha256": "0" * 64, "bytes": 1}},
    ],
)
def test_the_manifest_cannot_name_other_files(tmp_path, publish, manifest, change):
    manifest["files"] |= change
    assert "manifest.json: files." in refusal(publish(tmp_path, manifest=manifest))


@pytest.mark.parametrize("strange", [".DS_Store", "generator.pt~", "Generator.pt", "notes.txt", ".hidden"])
def test_nothing_unlisted_may_lie_there(tmp_path, publish, strange):
    folder = publish(tmp_path)
    (folder / strange).write_text("x")
    reason = refusal(folder)
    assert strange in reason
    assert "remove it" in reason


def test_an_unlisted_folder_is_found_too(tmp_path, publish):
    folder = publish(tmp_path)
    (folder / "code").mkdir()
    assert "'code'" in refusal(folder)


def test_a_name_that_is_no_text_can_still_be_said(tmp_path, publish):
    folder = publish(tmp_path)
    (folder / os.fsdecode(b"\xff\n")).write_text("x")
    refusal(folder).encode()


@pytest.mark.parametrize(("name", "version"), [("avatars", "2"), ("other", "1"), ("avatars-2", "1")])
def test_a_renamed_folder_is_refused(tmp_path, publish, manifest, name, version):
    reason = refusal(publish(tmp_path, name, version, manifest=manifest))
    assert "avatars@1" in reason
    assert f"{name}/{version}" in reason


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("avatars", "v1"),
        ("avatars", "01"),
        ("avatars", "0"),
        ("avatars", "1.0"),
        ("avatars", "latest"),
        ("Avatars", "1"),
    ],
)
def test_folder_names_that_no_version_has(tmp_path, publish, manifest, name, version):
    assert "NAME/VERSION" in refusal(publish(tmp_path, name, version, manifest=manifest))


def test_a_linked_version_and_a_linked_name_are_refused(tmp_path, publish):
    folder = publish(tmp_path)
    linked = tmp_path / "other"
    linked.symlink_to(folder.parent)
    assert "other is a symbolic link" in refusal(linked / "1")
    (folder.parent / "2").symlink_to(folder)
    assert "2 is a symbolic link" in refusal(folder.parent / "2")


def test_another_schema_version_is_refused_whatever_else_it_holds(tmp_path, publish):
    reason = refusal(publish(tmp_path, manifest={"schema_version": 2, "anything": True}))
    assert "schema_version 2" in reason
    assert "release" in reason


def test_an_empty_folder(tmp_path):
    folder = tmp_path / "avatars" / "1"
    folder.mkdir(parents=True)
    assert "manifest.json is missing" in refusal(folder)


def test_discover_sorts_by_name_and_number(tmp_path, publish):
    for name, version in [("b", 10), ("b", 9), ("b", 2), ("a", 1)]:
        publish(tmp_path, name, version)
    found = [str(path.relative_to(tmp_path)) for path in discover(tmp_path)]
    assert found == ["a/1", "b/2", "b/9", "b/10"]


def test_discover_passes_over_files_and_hidden_folders(tmp_path, publish):
    folder = publish(tmp_path)
    (tmp_path / "README.md").write_text("x")
    (tmp_path / ".git").mkdir()
    (folder.parent / ".2.abc.tmp").mkdir()
    (folder.parent / "notes.txt").write_text("x")
    assert discover(tmp_path) == [folder]


def test_discover_shows_what_stands_at_the_wrong_place(tmp_path, publish):
    one_level_too_high = publish(tmp_path).rename(tmp_path / "moved")
    (tmp_path / "linked").symlink_to("moved")
    (tmp_path / "avatars" / "latest").mkdir()
    found = discover(tmp_path)
    assert found == [tmp_path / "avatars" / "latest", tmp_path / "linked", one_level_too_high]
    for folder in found:
        refusal(folder)


def test_discover_of_an_empty_folder_is_empty(tmp_path):
    assert discover(tmp_path) == []
    (tmp_path / "emptied").mkdir()
    assert discover(tmp_path) == []


def test_discover_without_a_folder_says_so(tmp_path):
    with pytest.raises(ModelRejected, match="cannot be listed"):
        discover(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelRejected, match="cannot be listed"):
        discover(tmp_path / "file")


def test_the_manifest_on_disk_is_not_needed_again(tmp_path, publish):
    folder = publish(tmp_path)
    model = verify(folder)
    (folder / "generator.pt").write_bytes(b"swapped after the check")
    assert hashlib.sha256(model.generator).hexdigest() == model.digest
    assert json.loads((folder / "manifest.json").read_text())["files"]["generator.pt"]["sha256"] == model.digest
