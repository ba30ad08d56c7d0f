"""The dated table."""

import re
from pathlib import Path

import pytest

from benchmarks.report import Check, Report, command, machine, parser


def written(folder: Path) -> str:
    (file,) = folder.iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-speed\.md", file.name)
    return file.read_text()


def test_it_says_when_where_and_of_which_commit(tmp_path: Path) -> None:
    report = Report("speed", "Speed of light")
    report.table(["what", "m/s"], [["vacuum", "299792458"], ["glass", "200000000"]])
    assert report.write(tmp_path / "results") == 0
    text = written(tmp_path / "results")
    assert text.startswith("# Speed of light\n")
    assert "| what | m/s |\n| --- | --: |\n| vacuum | 299792458 |\n| glass | 200000000 |\n" in text
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC, commit ([0-9a-f]{7,}|unknown)", text)
    assert machine().split(",")[0] in text
    assert "torch 2." in text
    assert command() in text


def test_a_broken_promise_is_marked_and_decides_the_status(tmp_path: Path) -> None:
    report = Report("speed", "Speed")
    report.checks(Check("fast", "3", True))
    report.checks(Check("faster", "1", False), Check("slow", "2", True))
    assert report.write(tmp_path) == 1
    assert "| fast | 3 | yes |" in written(tmp_path)
    assert "| faster | 1 | **no** |" in written(tmp_path)


def test_a_second_run_of_a_day_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for figure in ("1", "2"):
        report = Report("speed", "Speed")
        report.add(f"figure {figure}")
        report.write(tmp_path)
    assert "figure 2" in written(tmp_path)
    assert "figure 1" not in written(tmp_path)


def test_the_report_is_printed_as_it_grows(capsys: pytest.CaptureFixture[str]) -> None:
    Report("speed", "Speed").add("so far")
    assert "so far" in capsys.readouterr().out


def test_the_common_options() -> None:
    options = parser("what\n\n    it does", seconds=12).parse_args(["--models", "m"])
    assert (options.seconds, options.models, options.results.name) == (12, Path("m"), "results")
