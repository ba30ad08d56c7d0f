"""A report is one file, whole, that carries its pictures and asks for nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from training.report import write
from training.report.pictures import moments
from training.report.write import write_report
from training.run import write_json, write_options
from training.sheet import png
from training.snapshot import Snapshot
from training.weights import weights_sha256

OPTIONS = {
    "recipe": "tessera",
    "config": {"gamma": 0.5},
    "dataset": {
        "name": "<drawings>",
        "path": "/home/somebody/drawings",
        "sha256": "a" * 64,
        "count": 1200,
        "held_out": 120,
        "class_names": ["even", "odd"],
        "resolution": 32,
        "channels": 3,
    },
    "budget": {"minutes": 20.0, "images": None},
    "seed": 3,
    "versions": {"torch": "2.14.1"},
    "commit": "abc",
    "device": "cpu",
    "started": "2026-11-24T02:14:00+00:00",
}
LINT = {
    "warnings": ["classes are unbalanced"],
    "classes": {"even": 1100, "odd": 100},
    "rejects": [{"name": f"{n}<b>.png", "reason": "empty file"} for n in range(30)],
}
VOID = {"meta", "img"}


class Elements(HTMLParser):
    """Checks that what is opened is closed, and keeps every link."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run's folder, of which the weights alone are not there."""
    folder = tmp_path / "00000-drawings-tessera"
    folder.mkdir()
    write_options(folder, OPTIONS)
    pictures = np.random.default_rng(0).integers(0, 255, (12, 64, 64, 3), np.uint8)
    (folder / "reals.png").write_bytes(png(pictures[0]))
    for number in range(11):
        (folder / f"fakes{1000 * number:06d}.png").write_bytes(png(pictures[number + 1]))
    lines = [{"images": 100 * n, "seconds": n, "Loss/G": 1 / (n + 1), "Loss/D": n / 50} for n in range(50)]
    (folder / "stats.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"images": 5000, "Lo')
    found = Snapshot(nn.Linear(2, 2), OPTIONS, 12_000, 12_800, 1200.0, 2300.0, None)
    monkeypatch.setattr(write, "load_generator", lambda run: found)
    return folder


def judge(run: Path, weights: str) -> None:
    """As evaluate and audit leave it."""
    metric = {"value": 0.245, "floor": -0.001, "extractor_sha256": "f" * 64}
    write_json(run / "evaluation.json", {"weights_sha256": weights, "count": 1000, "found": {"kid_open_nsfw": metric}})
    finding = {"space": "pixels", "test": "nearer", "effect": 0.51, "p": 0.4, "suspicious": False}
    pair = {"generated": 1, "train": 2, "distance": 0.8}
    found = {"verdict": "passed", "summary": "No nearer <than> others.", "findings": [finding], "closest": [pair]}
    write_json(run / "audit.json", {"weights_sha256": weights, "count": 1000, "found": found})
    (run / "closest.png").write_bytes(png(np.zeros((64, 128, 3), np.uint8)))


def test_one_file_holds_all_of_it(run: Path) -> None:
    judge(run, weights_sha256(write.load_generator(run).generator))
    write_json(run / "lint.json", LINT)
    file = write_report(run)
    text = file.read_text()
    elements = Elements(text)
    assert file == run / "report.html"
    assert elements.tags.count("img") == 2 + 8 + 1
    assert elements.tags.count("svg") == 1
    assert all(link.startswith("data:image/webp;base64,") for link in elements.links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    for said in ("12,800", "20 min", "38 min", "not measured", "0.245", "-0.001", "Passed.", "No nearer &lt;than&gt;"):
        assert said in text
    assert "has been trained since" not in text


def test_text_from_elsewhere_is_shown_and_paths_are_not(run: Path) -> None:
    write_json(run / "lint.json", LINT)
    text = write_report(run).read_text()
    assert "&lt;drawings&gt;" in text
    assert "0&lt;b&gt;.png" in text
    assert "30 files could not be used, of which 20 are shown" in text
    assert "<drawings>" not in text
    assert "/home/somebody" not in text


def test_what_was_not_done_is_said_with_its_command(run: Path) -> None:
    text = write_report(run).read_text()
    assert "python -m training evaluate 00000-drawings-tessera" in text
    assert "python -m training audit 00000-drawings-tessera" in text


def test_findings_of_earlier_weights_are_marked(run: Path) -> None:
    judge(run, "0" * 64)
    assert write_report(run).read_text().count("it has been trained since") == 2


def test_a_run_that_has_drawn_nothing_yet_is_reported(run: Path) -> None:
    for file in [*run.glob("*.png"), run / "stats.jsonl"]:
        file.unlink()
    elements = Elements(write_report(run).read_text())
    assert "img" not in elements.tags
    assert "svg" not in elements.tags


def test_the_first_and_last_moments_are_shown(run: Path) -> None:
    found = moments(run)
    assert len(found) == 8
    assert [found[0][0], found[-1][0]] == [0, 10_000]
    assert [seen for seen, _ in found] == sorted({seen for seen, _ in found})
