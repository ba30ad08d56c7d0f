"""The loop goes on exactly where it stopped, keeps its budget, and leaves what a run folder should hold."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from training import checkpoint, loop
from training.budget import Budget
from training.config import DcganConfig
from training.loop import Outcome, TrainingSet, train
from training.recipes.dcgan import Dcgan
from training.run import RunLog

CPU = torch.device("cpu")
IMAGES = 96  # twelve steps of eight


class Interrupted(Exception):
    pass


class Interruptible(Dcgan):
    """Stands for a process that ends without warning in the middle of step `at`."""

    at = -1
    steps = 0

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        self.steps += 1
        if self.steps == self.at:
            raise Interrupted
        return super().step(images, labels, progress)


@pytest.fixture
def data() -> TrainingSet:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    return TrainingSet(images, np.zeros(20, np.int64), np.arange(2, 20))


def run_once(run: Path, data: TrainingSet, *, interrupt_at: int = -1, images: int = IMAGES) -> Outcome:
    run.mkdir(exist_ok=True)
    torch.manual_seed(1)
    recipe = Interruptible(DcganConfig(32, 3, z_dim=4, width=4, batch_size=8), CPU)
    recipe.at = interrupt_at
    log = RunLog(run)
    try:
        return train(run, recipe, data, Budget(images, None), log, CPU, seed=1)
    finally:
        log.close()


def final_weights(run: Path) -> dict[str, Tensor]:
    path = checkpoint.latest(run)
    assert path is not None
    weights: dict[str, Tensor] = checkpoint.read(path)["recipe"]["generator"]
    return weights


@pytest.mark.parametrize("at", [1, 2, 7, 12])
def test_an_interrupted_run_ends_with_the_weights_of_an_unbroken_one(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    run_once(tmp_path / "whole", data)
    with pytest.raises(Interrupted):
        run_once(tmp_path / "broken", data, interrupt_at=at)
    outcome = run_once(tmp_path / "broken", data)
    assert outcome.finished
    assert outcome.images_seen == IMAGES
    whole, resumed = final_weights(tmp_path / "whole"), final_weights(tmp_path / "broken")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_other_steps_give_other_weights(tmp_path: Path, data: TrainingSet) -> None:
    run_once(tmp_path / "a", data)
    run_once(tmp_path / "b", data, images=IMAGES + 8)
    a, b = final_weights(tmp_path / "a"), final_weights(tmp_path / "b")
    assert any(not torch.equal(a[name], b[name]) for name in a)


def test_a_run_folder_holds_numbers_words_and_pictures(tmp_path: Path, data: TrainingSet) -> None:
    run_once(tmp_path / "run", data)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"stats.jsonl", "log.txt", "reals.png", "fakes000008.png", "fakes000096.png"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    lines = [json.loads(line) for line in (tmp_path / "run" / "stats.jsonl").read_text().splitlines()]
    assert lines[0]["images"] == 8
    assert {"Loss/D", "Loss/G", "seconds", "Speed/images_per_second"} <= lines[0].keys()
    assert "finished at 96 images" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_step_and_keeps_what_was_learnt(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    step = Interruptible.step

    def signalled(self: Interruptible, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        if self.steps == 4:
            os.kill(os.getpid(), number)
        return step(self, images, labels, progress)

    before = signal.getsignal(number)
    monkeypatch.setattr(Interruptible, "step", signalled)
    outcome = run_once(tmp_path / "run", data)
    assert not outcome.finished
    assert outcome.images_seen == 40
    assert checkpoint.latest(tmp_path / "run") is not None
    assert signal.getsignal(number) is before


def test_a_disk_that_fills_up_ends_the_run_with_the_last_checkpoint_whole(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Interrupted):
        run_once(tmp_path / "run", data, interrupt_at=5)
    kept = checkpoint.latest(tmp_path / "run")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(checkpoint.CheckpointError, match="No space left"):
            run_once(tmp_path / "run", data)
    assert checkpoint.latest(tmp_path / "run") == kept
    assert run_once(tmp_path / "run", data).finished


def test_batches_are_scaled_to_minus_one_to_one(data: TrainingSet) -> None:
    images, labels = data.batch(np.array([0, 3]), CPU)
    assert images.shape == (2, 3, 32, 32)
    assert labels.tolist() == [0, 0]
    expected = torch.from_numpy(data.images[[2, 5]]).permute(0, 3, 1, 2).double() / 127.5 - 1
    torch.testing.assert_close(images.double(), expected, atol=1e-6, rtol=0)
