"""One folder of more than two hundred odd and broken files: what is good is trained on, what is not is named."""

import re

import pytest

from benchmarks.zoo_files import Zoo, fill
from training.__main__ import main
from training.data import prepare
from training.data.lint import lint


@pytest.fixture(scope="module")
def zoo(tmp_path_factory) -> Zoo:
    return fill(tmp_path_factory.mktemp("zoo"))


def test_the_good_are_used_and_the_bad_are_named(zoo, tmp_path):
    folder, good, bad = zoo.folder, zoo.good, zoo.bad
    assert len(good) > 120
    assert len(bad) > 70
    assert len(good) + len(bad) > 200
    images = prepare(folder, cache=tmp_path / "cache")
    report = images.report
    reasons = {reject.name: reject.reason for reject in report.rejects}
    assert set(reasons) == set(bad)
    for name, expected in bad.items():
        assert re.search(expected, reasons[name]), f"{name}: {reasons[name]}"
    assert report.ignored == ("labels.csv",)
    twice = sum(len(group) - 1 for group in report.duplicates)
    assert len(images.images) + twice == len(good)
    assert twice == 0, report.duplicates
    assert images.images.shape[1:] == (32, 32, 3)
    assert len(images.train) + len(images.held_out) == len(images.images)
    assert len(images.held_out) > 10


def test_linting_it_says_the_same(zoo, tmp_path):
    report = lint(zoo.folder)
    assert report == prepare(zoo.folder, cache=tmp_path / "cache").report
    assert report.ok
    report.table().encode("utf-8")
    assert "\x1b" not in report.table()


def test_padded_the_long_ones_are_used_too(zoo, tmp_path):
    folder, good, bad = zoo.folder, zoo.good, zoo.bad
    images = prepare(folder, cache=tmp_path / "cache", fit="pad", channels=4)
    assert "1000x10.jpg" in images.files
    assert len(images.files) == len(good) + 1
    assert len(images.report.rejects) == len(bad) - 1


def test_it_is_trained_on(zoo, tmp_path, capsys):
    command = ["fit", str(zoo.folder), "--recipe", "dcgan", "--images", "64", "--device", "cpu", "--out", str(tmp_path)]
    assert main(command) == 0
    assert next(tmp_path.glob("*/checkpoint-*.safetensors"))
    assert f"rejected        {len(zoo.bad)}" in capsys.readouterr().err
