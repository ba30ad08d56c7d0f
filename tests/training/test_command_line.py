"""The command line as people use it: real processes, a real folder, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from training import checkpoint, judgement
from training.__main__ import main
from training.evaluation.memorisation import Audit
from training.facts import Metric, Verdict
from training.run import read_options

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
KILLED_OFTEN = "import sys, training.loop as l; l.CHECKPOINT_SECONDS = 0.0; from training.__main__ import main; "
KILLED_OFTEN += "sys.exit(main(sys.argv[1:]))"


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", KILLED_OFTEN, *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_checkpoint(process: subprocess.Popen[str], out: Path) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if found := list(out.glob("*/checkpoint-*.safetensors")):
            return found[0].parent
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"no checkpoint appeared: {process.communicate()}")


def weights(run: Path) -> dict[str, torch.Tensor]:
    path = checkpoint.latest(run)
    assert path is not None
    found: dict[str, torch.Tensor] = checkpoint.read(path)["recipe"]["average"]
    return found


def fit(folder: Path, out: Path, *more: str) -> list[str]:
    return ["fit", str(folder), "--images", "384", "--device", "cpu", "--out", str(out), *more]


@pytest.fixture(scope="module")
def finished(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the default recipe that nobody disturbed: twelve steps."""
    out = tmp_path_factory.mktemp("runs")
    process = start(*fit(drawings, out))
    printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return Path(printed.strip())


def test_a_run_says_what_it_was(finished: Path, drawings: Path) -> None:
    options = read_options(finished)
    assert options["recipe"] == "tessera"
    assert options["dataset"]["path"] == str(drawings)
    assert options["dataset"]["class_names"] == ["even", "odd"]
    assert options["config"]["num_classes"] == 2
    assert options["versions"]["torch"] == torch.__version__.split("+")[0] or options["versions"]["torch"]


def test_killed_without_warning_and_resumed_it_ends_the_same_to_the_bit(
    drawings: Path, tmp_path: Path, finished: Path
) -> None:
    process = start(*fit(drawings, tmp_path))
    run = wait_for_checkpoint(process, tmp_path)
    process.kill()
    process.communicate()
    process = start("resume", str(run))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    undisturbed, resumed = weights(finished), weights(run)
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)


def test_a_terminated_run_leaves_a_checkpoint_and_says_how_to_go_on(drawings: Path, tmp_path: Path) -> None:
    process = start(*fit(drawings, tmp_path), "--seed", "3", "--images", "64000")  # more than it gets to see
    run = wait_for_checkpoint(process, tmp_path)
    process.send_signal(signal.SIGTERM)
    printed, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert printed.strip() == str(run)
    assert f"resume {run}" in said
    assert checkpoint.latest(run) is not None


def test_images_that_changed_are_not_gone_on_with(
    drawings: Path, finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = next(drawings.glob("even/*.png"))
    away = first.rename(tmp_path / first.name)
    try:
        assert main(["resume", str(finished)]) == 1
    finally:
        away.rename(first)
    assert "have changed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "NOWHERE"], "NOWHERE"),
        (["fit", "EMPTY"], "EMPTY"),
        (["fit", "DRAWINGS", "--device", "cuda:9", "--images", "32"], "cuda:9"),
        (["fit", "DRAWINGS", "--device", "toaster", "--images", "32"], "toaster"),
        (["fit", "DRAWINGS", "--images", "-4"], "budget"),
        (["resume", "EMPTY"], "not a training run"),
        (["evaluate", "EMPTY"], "not a training run"),
        (["evaluate", "EMPTY", "DRAWINGS"], "not a training run"),
        (["evaluate", "EMPTY", "--extractor", "inception"], "no extractor 'inception'"),
        (["evaluate", "EMPTY", "--extractor", "no.such:thing"], "no.such:thing"),
        (["audit", "EMPTY"], "not a training run"),
        (["publish", "EMPTY", "--name", "x"], "not a training run"),
        (["add-encoder", "EMPTY"], "not a training run"),
        (["lint", "NOWHERE"], "NOWHERE"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], sentence: str, drawings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "EMPTY").mkdir()
    places = {"NOWHERE": str(tmp_path / "NOWHERE"), "EMPTY": str(tmp_path / "EMPTY"), "DRAWINGS": str(drawings)}
    arguments = [places.get(argument, argument) for argument in arguments]
    if arguments[0] == "fit":
        arguments += ["--out", str(tmp_path / "runs")]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ") or "\nerror: " in said
    assert sentence in said


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fit"],
        ["fit", "x", "--minutes", "0"],
        ["fit", "x", "--minutes", "nan"],
        ["fit", "x", "--minutes", "1", "--images", "2"],
        ["fit", "x", "--resolution", "48"],
        ["fit", "x", "--recipe", "magic"],
        ["publish", "x"],
        ["add-encoder"],
        ["add-encoder", "x", "--minutes", "-1"],
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage" in capsys.readouterr().err


def test_lint_prints_a_table_and_writes_a_report(
    drawings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", str(drawings), "--json", str(tmp_path / "report.json")]) == 0
    assert "64 usable" in capsys.readouterr().out
    assert (tmp_path / "report.json").read_text().startswith("{")


def test_a_run_is_published_as_a_model(finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["publish", str(finished), "--name", "discs", "--models", str(tmp_path), "--no-metrics"]
    assert main([*command, "--no-audit", "--data-licence", "CC0-1.0"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "discs" / "1")
    assert {path.name for path in (tmp_path / "discs" / "1").iterdir()} == {
        "generator.pt",
        "manifest.json",
        "golden.png",
        "preview.png",
        "MODEL_CARD.md",
    }


EXTRACTOR = """
class Means:
    name, sha256 = "means", "ab" * 32
    def __call__(self, images): return images.reshape(len(images), -1).astype("float32")[:, ::97]
"""


def test_a_run_and_what_was_published_of_it_are_measured_alike(
    finished: Path,
    drawings: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "extractor_of_a_test.py").write_text(EXTRACTOR)
    monkeypatch.syspath_prepend(tmp_path)
    models = ["--models", str(tmp_path / "models")]
    assert main(["publish", str(finished), "--name", "discs", "--no-metrics", "--no-audit", *models]) == 0
    seen = ["--extractor", "extractor_of_a_test:Means", "--json", str(tmp_path / "figures.json")]
    figures = []
    for what in ([str(finished)], [str(finished), str(drawings)], [str(tmp_path / "models/discs/1"), str(drawings)]):
        assert main(["evaluate", *what, *seen]) == 0
        figures.append(json.loads((tmp_path / "figures.json").read_text()))
    assert set(figures[0]) == {
        f"{measure}_means" for measure in ("kid", "frechet", "precision", "recall", "density", "coverage")
    }
    assert figures[0] == figures[1]
    assert figures[2]["kid_means"]["value"] == pytest.approx(figures[0]["kid_means"]["value"], rel=1e-3)
    assert figures[2]["kid_means"]["floor"] == figures[0]["kid_means"]["floor"]
    printed = capsys.readouterr().out
    assert "kid_means" in printed
    assert f"extractor {'ab' * 32}" in printed


def judged(verdict: Verdict) -> Audit:
    return Audit(verdict, "Forty of forty are copies.", (), (), 40, 40, 40)


def test_a_run_that_copies_is_published_only_on_demand(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judgement, "audit", lambda *_: judged("failed"))
    monkeypatch.setattr(judgement, "measure", lambda *_: {"kid": Metric(1.0, 0.1, "ab" * 32)})
    assert main(["audit", str(finished)]) == 1
    assert capsys.readouterr().out == "failed: Forty of forty are copies.\n"
    command = ["publish", str(finished), "--name", "discs", "--models", str(tmp_path)]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert "copies its training images" in said
    assert "--allow-failed-audit" in said
    assert not (tmp_path / "discs").exists()
    assert main([*command, "--allow-failed-audit"]) == 0
    manifest = json.loads((tmp_path / "discs/1/manifest.json").read_text())
    assert manifest["memorisation"] == {"verdict": "failed", "summary": "Forty of forty are copies."}
    assert manifest["metrics"]["kid"] == {"value": 1.0, "floor": 0.1, "extractor_sha256": "ab" * 32}
    assert "**Failed.**" in (tmp_path / "discs/1/MODEL_CARD.md").read_text()


@pytest.mark.parametrize(("verdict", "status"), [("passed", 0), ("not-audited", 1)])
def test_only_a_passed_audit_is_a_success(
    finished: Path, verdict: Verdict, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judgement, "audit", lambda *_: judged(verdict))
    assert main(["audit", str(finished)]) == status


def test_a_name_that_will_not_do_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["publish", str(tmp_path), "--name", "Not A Name", "--models", str(tmp_path)]) == 1
    assert "'Not A Name'" in capsys.readouterr().err
