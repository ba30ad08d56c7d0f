import dataclasses
import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import DataError, ImageSet, prepare
from training.data import cache as disk
from training.data import dataset as dataset_module


def test_a_folder_becomes_one_array_in_order(tmp_path, fill, draw):
    images = prepare(fill(tmp_path / "cats", 20, side=32), cache=tmp_path / "cache")
    assert (images.name, images.class_names) == ("cats", ())
    assert images.images.shape == (20, 32, 32, 3)
    assert images.images.dtype == np.uint8
    assert images.labels.tolist() == [0] * 20
    assert images.files == tuple(f"{number:05d}.png" for number in range(20))
    for number in range(20):
        np.testing.assert_array_equal(images.images[number], np.asarray(draw(number, 32)))
    assert len(images.sha256) == 64
    assert images.report.usable == 20


def test_the_array_is_on_disk_and_cannot_be_changed(tmp_path, fill):
    images = prepare(fill(tmp_path / "cats", 20), cache=tmp_path / "cache")
    assert isinstance(images.images, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        images.images[0] = 0


def test_classes_are_labels(tmp_path, fill):
    fill(tmp_path / "data" / "dogs", 10)
    fill(tmp_path / "data" / "cats", 12, first=50)
    images = prepare(tmp_path / "data", cache=tmp_path / "cache")
    assert images.class_names == ("cats", "dogs")
    assert images.labels.tolist() == [0] * 12 + [1] * 10
    assert images.labels.dtype == np.int64


@pytest.mark.parametrize(("resolution", "channels"), [(16, 1), (64, 3), (32, 4), (100, 3)])
def test_resolution_and_channels_can_be_asked_for(tmp_path, fill, resolution, channels):
    images = prepare(fill(tmp_path / "cats", 16), resolution=resolution, channels=channels, cache=tmp_path / "cache")
    assert images.images.shape == (16, resolution, resolution, channels)


@pytest.mark.parametrize(
    "options",
    [
        {"resolution": 0},
        {"resolution": 7},
        {"resolution": -64},
        {"resolution": 1025},
        {"channels": 2},
        {"channels": 0},
        {"held_out_fraction": 0.9},
        {"held_out_fraction": -1.0},
    ],
)
def test_options_out_of_range_are_refused(tmp_path, fill, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        prepare(fill(tmp_path / "cats", 16), cache=tmp_path / "cache", **options)


def test_train_and_held_out_share_nothing_and_leave_nothing(tmp_path, fill):
    images = prepare(fill(tmp_path / "cats", 50), cache=tmp_path / "cache", held_out_fraction=0.2)
    assert len(images.held_out) == 10
    assert sorted([*images.train.tolist(), *images.held_out.tolist()]) == list(range(50))


def test_nothing_need_be_held_out(tmp_path, fill):
    images = prepare(fill(tmp_path / "cats", 16), cache=tmp_path / "cache", held_out_fraction=0)
    assert (len(images.train), len(images.held_out)) == (16, 0)


def test_the_split_follows_the_pixels_and_not_the_names(tmp_path, fill):
    def held_out(folder: Path) -> set[bytes]:
        images = prepare(folder, cache=tmp_path / "cache")
        return {images.images[i].tobytes() for i in images.held_out}

    first = fill(tmp_path / "first", 40)
    second = tmp_path / "second"
    second.mkdir()
    for place, path in enumerate(sorted(first.iterdir(), reverse=True)):
        shutil.copy(path, second / f"other{place:02d}")
    assert held_out(first) == held_out(second)


def test_near_duplicates_are_on_one_side(tmp_path, fill, draw):
    folder = fill(tmp_path / "cats", 40)
    for seed in range(40):
        draw(seed).save(folder / f"{seed:05d}-pressed.jpg", quality=98)
    images = prepare(folder, cache=tmp_path / "cache", held_out_fraction=0.3)
    held_out = {images.files[i][:5] for i in images.held_out}
    assert len(images.report.near_duplicates) == 40
    assert len(images.held_out) == 24
    assert not held_out & {images.files[i][:5] for i in images.train}


def test_exact_duplicates_are_left_out(tmp_path, fill, draw):
    folder = fill(tmp_path / "cats", 20)
    draw(3).save(folder / "again.bmp")
    images = prepare(folder, cache=tmp_path / "cache")
    assert len(images.images) == 20
    assert "again.bmp" not in images.files


def test_the_hash_is_of_what_is_trained_on(tmp_path, fill):
    folder = fill(tmp_path / "cats", 20)
    renamed = fill(tmp_path / "renamed", 20)
    (renamed / "00000.png").rename(renamed / "zzz.png")
    more = fill(tmp_path / "more", 21)

    def sha256(folder: Path, **options: int) -> str:
        return prepare(folder, cache=tmp_path / "cache", **options).sha256

    assert sha256(folder) == sha256(renamed) == sha256(folder, seed=5)
    different = {sha256(folder), sha256(more), sha256(folder, resolution=16), sha256(folder, channels=1)}
    assert len(different) == 4


def test_the_second_time_nothing_is_decoded(tmp_path, fill, monkeypatch):
    folder = fill(tmp_path / "cats", 20)
    first = prepare(folder, cache=tmp_path / "cache")
    monkeypatch.setattr(dataset_module, "examine", None)
    assert_same(prepare(folder, cache=tmp_path / "cache"), first)


def test_asking_for_what_would_be_chosen_takes_the_same_cache(tmp_path, fill, monkeypatch):
    folder = fill(tmp_path / "cats", 20)
    first = prepare(folder, cache=tmp_path / "one")
    prepare(folder, resolution=32, channels=3, cache=tmp_path / "two")
    monkeypatch.setattr(dataset_module, "examine", None)
    assert_same(prepare(folder, resolution=32, channels=3, cache=tmp_path / "one"), first)
    assert_same(prepare(folder, cache=tmp_path / "two"), first)


def test_what_was_asked_for_is_not_taken_for_what_would_be_chosen(tmp_path, fill):
    folder = fill(tmp_path / "cats", 20)
    prepare(folder, channels=1, cache=tmp_path / "cache")
    assert prepare(folder, cache=tmp_path / "cache").images.shape[3] == 3


@pytest.mark.parametrize("change", ["image", "more", "fewer", "resolution", "channels", "fit", "seed", "fraction"])
def test_whatever_changes_the_outcome_is_not_taken_from_the_cache(tmp_path, fill, draw, change):
    folder = fill(tmp_path / "cats", 40)
    options: dict = {"cache": tmp_path / "cache"}
    prepare(folder, **options)
    match change:
        case "image":
            draw(99).save(folder / "00000.png")
        case "more":
            fill(folder, 1, first=200)
        case "fewer":
            (folder / "00001.png").unlink()
        case "fraction":
            options["held_out_fraction"] = 0.3
        case "fit":
            options["fit"] = "pad"
        case other:
            options[other] = {"resolution": 16, "channels": 4, "seed": 7}[other]
    again = prepare(folder, **options)
    fresh = prepare(folder, **(options | {"cache": tmp_path / "fresh"}))
    assert_same(again, fresh)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


@pytest.mark.parametrize("suffix", [".npy", ".json"])
def test_a_damaged_cache_is_made_anew(tmp_path, fill, suffix):
    folder = fill(tmp_path / "cats", 20)
    first = prepare(folder, cache=tmp_path / "cache")
    expected = np.array(first.images)
    path = next((tmp_path / "cache").glob(f"*{suffix}"))
    path.write_bytes(path.read_bytes()[:-5])
    np.testing.assert_array_equal(prepare(folder, cache=tmp_path / "cache").images, expected)


def test_nothing_else_is_left_in_the_cache(tmp_path, fill):
    prepare(fill(tmp_path / "cats", 20), cache=tmp_path / "cache")
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".json", ".npy"]


def test_too_few_images_is_an_error_and_leaves_no_cache(tmp_path, fill):
    with pytest.raises(DataError, match="holds 5 different images that can be used; at least 16 are needed"):
        prepare(fill(tmp_path / "cats", 5), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_disk_is_an_error_and_leaves_no_cache(tmp_path, fill, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "store", full)
    with pytest.raises(OSError, match="No space left"):
        prepare(fill(tmp_path / "cats", 20), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_progress_is_told(tmp_path, fill):
    told: list[tuple[str, int, int]] = []
    prepare(fill(tmp_path / "cats", 20), cache=tmp_path / "cache", progress=lambda *call: told.append(call))
    assert told == [("reading", 20, 20), ("decoding", 20, 20)]


def test_no_metadata_travels_into_the_cache(tmp_path, draw):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    folder = tmp_path / "cats"
    folder.mkdir()
    for seed in range(16):
        draw(seed).save(folder / f"{seed}.jpg", exif=exif)
    prepare(folder, cache=tmp_path / "cache")
    assert all(b"SecretCamera" not in path.read_bytes() for path in (tmp_path / "cache").iterdir())


def test_odd_names_can_be_written_down(tmp_path, fill):
    folder = fill(tmp_path / "new\nline", 16)
    (folder / "00000.png").rename(folder / "\udce9\x1b[2J.png")
    images = prepare(folder, cache=tmp_path / "cache")
    assert images.name == "new\\nline"
    json.dumps([images.name, images.files], ensure_ascii=False).encode("utf-8")


def assert_same(one: ImageSet, other: ImageSet) -> None:
    for field in dataclasses.fields(ImageSet):
        np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name), field.name)
