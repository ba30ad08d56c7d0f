import os
from pathlib import Path

import pytest

from training.data.errors import DataError
from training.data.folder import printable, read_layout


def names(folder: Path) -> list[str]:
    return [candidate.name for candidate in read_layout(folder).candidates]


def test_a_flat_folder_has_no_classes(tmp_path, fill):
    layout = read_layout(fill(tmp_path / "cats", 3))
    assert layout.class_names == ()
    assert layout.name == "cats"
    assert [candidate.name for candidate in layout.candidates] == ["00000.png", "00001.png", "00002.png"]
    assert {candidate.label for candidate in layout.candidates} == {0}


def test_one_folder_a_class_in_the_order_of_names(tmp_path, fill):
    fill(tmp_path / "b", 2)
    fill(tmp_path / "a" / "deep" / "er", 1)
    fill(tmp_path / "B", 1)
    layout = read_layout(tmp_path)
    assert layout.class_names == ("B", "a", "b")
    assert [(c.name, c.label) for c in layout.candidates] == [
        ("B/00000.png", 0),
        ("a/deep/er/00000.png", 1),
        ("b/00000.png", 2),
        ("b/00001.png", 2),
    ]


def test_a_single_subfolder_is_no_class(tmp_path, fill):
    fill(tmp_path / "images", 2)
    (tmp_path / "empty").mkdir()
    layout = read_layout(tmp_path)
    assert layout.class_names == ()
    assert len(layout.candidates) == 2


def test_images_beside_classes_are_an_error_that_says_what_to_do(tmp_path, fill):
    fill(tmp_path, 1)
    fill(tmp_path / "dogs", 1)
    with pytest.raises(DataError, match=r"directly \(00000.png\) and in subfolders \(dogs\): put all of them into one"):
        read_layout(tmp_path)


def test_other_files_beside_classes_are_not(tmp_path, fill):
    fill(tmp_path / "cats", 1)
    fill(tmp_path / "dogs", 1)
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / "broken.png").write_text("not really")
    layout = read_layout(tmp_path)
    assert layout.class_names == ("cats", "dogs")
    assert layout.ignored == ("README.txt",)
    assert layout.candidates[0].name == "broken.png"


def test_an_image_is_known_by_its_bytes_too(tmp_path, fill):
    fill(tmp_path, 2)
    (tmp_path / "00000.png").rename(tmp_path / "no-suffix")
    (tmp_path / "notes.txt").write_text("BMW and other makes")
    assert names(tmp_path) == ["00001.png", "no-suffix"]


def test_what_systems_leave_behind_is_passed_over(tmp_path, fill):
    fill(tmp_path, 1)
    fill(tmp_path / ".thumbnails", 1)
    fill(tmp_path / "__MACOSX", 1)
    for name in (".DS_Store", "._00000.png", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    layout = read_layout(tmp_path)
    assert [candidate.name for candidate in layout.candidates] == ["00000.png"]
    assert layout.ignored == ()


def test_links_to_files_are_followed_and_loops_end(tmp_path, fill):
    elsewhere = fill(tmp_path / "elsewhere", 1)
    data = fill(tmp_path / "data", 1, first=5)
    (data / "linked.png").symlink_to(elsewhere / "00000.png")
    (data / "loop.png").symlink_to(data / "loop.png")
    (data / "gone.png").symlink_to(data / "nowhere")
    (data / "self").symlink_to(data)
    (data / "up").symlink_to(tmp_path)
    assert names(data) == ["00005.png", "gone.png", "linked.png", "loop.png"]


def test_a_class_may_be_a_linked_folder(tmp_path, fill):
    data = tmp_path / "data"
    fill(data / "a", 1)
    (data / "b").symlink_to(fill(tmp_path / "elsewhere", 1, first=1))
    (data / "a" / "round").symlink_to(data)
    layout = read_layout(data)
    assert layout.class_names == ("a", "b")
    assert [candidate.name for candidate in layout.candidates] == ["a/00000.png", "b/00001.png"]


def test_pipes_and_devices_are_never_opened(tmp_path, fill):
    fill(tmp_path, 1)
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert names(tmp_path) == ["00000.png", "pipe.png", "zero.png"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain.png", "plain.png"),
        ("spa ce.png", "spa ce.png"),
        ("日本語 🎨.png", "日本語 🎨.png"),
        ("e\u0301.png", "\u00e9.png"),
        ("new\nline.png", "new\\nline.png"),
        ("\x1b[31mred.png", "\\x1b[31mred.png"),
        ("right\u202eto.png", "right\\u202eto.png"),
        (os.fsdecode(b"latin\xe9.png"), "latin\\xe9.png"),
    ],
)
def test_any_name_can_be_printed(tmp_path, fill, name, shown):
    fill(tmp_path, 1)
    (tmp_path / "00000.png").rename(tmp_path / name)
    (found,) = read_layout(tmp_path).candidates
    assert found.name == shown == printable(name)
    assert found.path.exists()
    found.name.encode("utf-8")


def test_classes_that_cannot_be_told_apart_are_an_error(tmp_path, fill):
    fill(tmp_path / "caf\u00e9", 1)
    fill(tmp_path / "cafe\u0301", 1)
    with pytest.raises(DataError, match="same name"):
        read_layout(tmp_path)


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_layout(tmp_path / "nowhere")
    (tmp_path / "file.png").write_text("")
    with pytest.raises(DataError, match="is a file, not a folder"):
        read_layout(tmp_path / "file.png")
    (tmp_path / "images.zip").write_text("")
    with pytest.raises(DataError, match="unpack it first"):
        read_layout(tmp_path / "images.zip")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError):
        read_layout(tmp_path / "loop")


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, fill, monkeypatch):
    fill(tmp_path, 1)

    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(DataError, match="cannot be listed: Permission denied"):
        read_layout(tmp_path)


def test_an_empty_folder_has_nothing(tmp_path):
    assert read_layout(tmp_path).candidates == ()
