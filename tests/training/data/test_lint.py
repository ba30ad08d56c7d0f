import json

import pytest
from PIL import Image

from training.data.findings import MIN_IMAGES
from training.data.lint import lint
from training.data.report import LintReport


def test_a_good_folder_has_nothing_to_say(tmp_path, fill):
    report = lint(fill(tmp_path, 100))
    assert report.ok
    assert report.exit_status == 0
    assert (report.files, report.usable, report.resolution, report.channels) == (100, 100, 32, 3)
    assert report.warnings == report.errors == report.rejects == report.duplicates == report.near_duplicates == ()
    assert report.formats == {"PNG": 100}
    assert report.modes == {"RGB": 100}
    assert report.sides == (48, 48, 48)


@pytest.mark.parametrize("count", [0, 1, MIN_IMAGES - 1])
def test_too_few_images_is_an_error_that_says_how_many_are_needed(tmp_path, fill, count):
    report = lint(fill(tmp_path, count))
    assert report.exit_status == 1
    assert report.errors == (
        f"{tmp_path} holds {count} different images that can be used; at least {MIN_IMAGES} are needed",
    )
    assert "error: " in report.table()


def test_the_smallest_number_that_is_enough(tmp_path, fill):
    report = lint(fill(tmp_path, MIN_IMAGES))
    assert report.ok
    assert report.warnings == (
        f"{MIN_IMAGES} images are few: below 100 a generator learns them by heart; audit it for copies",
    )


def test_too_few_because_of_rejects_and_duplicates_says_so(tmp_path, fill, draw):
    fill(tmp_path, 10)
    for copy in range(5):
        draw(0, 48).save(tmp_path / f"copy{copy}.png")
    (tmp_path / "a.png").write_bytes(b"")
    (error,) = lint(tmp_path).errors
    assert "1 files were rejected, the first: a.png: empty file" in error
    assert "5 were left out because they show the same as others" in error


def test_exact_duplicates_are_found_by_their_pixels(tmp_path, fill, draw):
    fill(tmp_path, 20)
    draw(3).save(tmp_path / "again.bmp")
    draw(3).save(tmp_path / "once more.webp", lossless=True)
    report = lint(tmp_path)
    assert report.duplicates == (("00003.png", "again.bmp", "once more.webp"),)
    assert report.usable == 20


def test_near_duplicates_are_named_and_used(tmp_path, fill, draw):
    fill(tmp_path, 20)
    draw(4).save(tmp_path / "pressed.jpg", quality=85)
    report = lint(tmp_path)
    assert report.near_duplicates == (("00004.png", "pressed.jpg"),)
    assert report.usable == 21


def test_many_near_duplicates_are_worth_a_warning(tmp_path, fill, draw):
    fill(tmp_path, 20)
    for seed in range(10):
        draw(seed).save(tmp_path / f"pressed{seed}.jpg", quality=85)
    assert any("10 of 30 images look like another one" in warning for warning in lint(tmp_path).warnings)


def test_rejects_are_named_with_their_reason(tmp_path, fill):
    fill(tmp_path, 16)
    (tmp_path / "zero.png").write_bytes(b"")
    (tmp_path / "letter.jpg").write_text("Dear Sir")
    report = lint(tmp_path)
    assert report.ok
    assert [reject.name for reject in report.rejects] == ["letter.jpg", "zero.png"]
    assert "  rejected: zero.png: empty file" in report.table()


def test_classes_are_counted_and_imbalance_is_told(tmp_path, fill):
    fill(tmp_path / "many", 44)
    fill(tmp_path / "few", 4, first=100)
    report = lint(tmp_path)
    assert report.classes == {"few": 4, "many": 44}
    assert "classes are unbalanced: many has 44 images, few has 4" in report.warnings


def test_a_class_of_nothing_but_rejects_is_told(tmp_path, fill):
    fill(tmp_path / "good", 20)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.png").write_bytes(b"")
    report = lint(tmp_path)
    assert report.classes == {"bad": 0, "good": 20}
    assert "classes are unbalanced: good has 20 images, bad has 0" in report.warnings


def test_the_same_picture_in_two_classes_is_told(tmp_path, fill):
    fill(tmp_path / "cats", 20)
    fill(tmp_path / "dogs", 20, first=19)
    report = lint(tmp_path)
    assert "1 images are in more than one class; the first is used" in report.warnings
    assert report.classes == {"cats": 20, "dogs": 19}


@pytest.mark.parametrize(
    ("sides", "expected"),
    [((10,), 32), ((31,), 32), ((32,), 32), ((63,), 32), ((64,), 64), ((127,), 64), ((128,), 128), ((500,), 128)],
)
def test_the_resolution_is_the_largest_that_the_median_reaches(tmp_path, fill, sides, expected):
    for side in sides:
        fill(tmp_path, 17, side=side)
    fill(tmp_path, 8, first=100, side=9)
    assert lint(tmp_path).resolution == expected


def test_the_shorter_side_counts_as_seen_upright(tmp_path, draw, encoded):
    exif = Image.Exif()
    exif[0x0112] = 6
    for seed in range(16):
        draw(seed, 100, 70).save(tmp_path / f"{seed}.jpg", exif=exif)
    report = lint(tmp_path)
    assert (report.turned, report.not_square, report.sides) == (16, 16, (70, 70, 70))


@pytest.mark.parametrize(
    ("transparent", "grey", "expected"), [(0, 16, 1), (0, 15, 3), (8, 0, 3), (9, 0, 4), (16, 16, 4)]
)
def test_the_channels_are_what_most_images_need(tmp_path, draw, transparent, grey, expected):
    for seed in range(16):
        picture = draw(seed, 32)
        picture = picture.convert("L").convert("RGBA") if seed < grey else picture.convert("RGBA")
        if seed < transparent:
            picture.paste((0, 0, 0, 0), (0, 0, 16, 8))
        picture.save(tmp_path / f"{seed}.png")
    assert lint(tmp_path).channels == expected


def test_what_is_asked_for_is_taken(tmp_path, fill):
    report = lint(fill(tmp_path, 16), resolution=100, channels=1, fit="pad")
    assert (report.resolution, report.channels, report.fit) == (100, 1, "pad")
    assert report.enlarged == 16
    assert "16 images are smaller than 100x100 and were enlarged, which blurs them" in report.warnings


def test_linting_writes_nothing(tmp_path, fill):
    fill(tmp_path, 16)
    before = sorted(tmp_path.rglob("*"))
    lint(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_report_survives_json(tmp_path, fill, draw):
    fill(tmp_path / "a", 20)
    fill(tmp_path / "b", 20, first=19)
    draw(4).save(tmp_path / "b" / "pressed.jpg", quality=85)
    (tmp_path / "a" / "zero.png").write_bytes(b"")
    report = lint(tmp_path)
    assert LintReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    with pytest.raises((KeyError, TypeError)):
        LintReport.from_json({"folder": "x"})


def test_nothing_of_the_metadata_is_reported(tmp_path, draw):
    exif = Image.Exif()
    exif[0x010F] = "SecretCamera"
    exif.get_ifd(0x8825)[1] = "N"
    for seed in range(16):
        draw(seed).save(tmp_path / f"{seed}.jpg", exif=exif)
    report = lint(tmp_path)
    assert "SecretCamera" not in report.table() + json.dumps(report.to_json())


def test_a_long_list_is_cut_in_the_table_and_not_in_the_report(tmp_path, fill):
    fill(tmp_path, 16)
    for number in range(30):
        (tmp_path / f"bad{number:02d}.png").write_bytes(b"")
    report = lint(tmp_path)
    assert len(report.rejects) == 30
    assert report.table().count("empty file") == 10
    assert "and 20 more" in report.table()
