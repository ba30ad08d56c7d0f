"""The loop goes on exactly where it stopped, keeps its budget, and leaves what a run folder should hold."""

import json
import math
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from training import checkpoint, health, loop
from training.budget import Budget
from training.checkpoint import State
from training.config import DcganConfig
from training.data.training_set import TrainingSet
from training.judge import Judge
from training.loop import Outcome, train
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


def run_once(
    run: Path,
    data: TrainingSet,
    *,
    kind: type[Interruptible] = Interruptible,
    interrupt_at: int = -1,
    images: int = IMAGES,
) -> Outcome:
    run.mkdir(exist_ok=True)
    torch.manual_seed(1)
    recipe = kind(DcganConfig(32, 3, z_dim=4, width=4, batch_size=8), CPU)
    recipe.at = interrupt_at
    log = RunLog(run)
    try:
        return train(run, recipe, data, Budget(images, None), judge(data), log, CPU, seed=1)
    finally:
        log.close()


def judge(data: TrainingSet) -> Judge:
    """Sees the mean colour of sixteen squares."""
    return Judge(lambda images: images.reshape(len(images), 4, 8, 4, 8, 3).mean((2, 4, 5)).reshape(-1, 16), data.images)


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


class Fragile(Interruptible):
    """From its sixth step on the last layer of its generator is `poison`, until it is told to be gentler."""

    poison = 0.0
    trained = 0
    times = 0

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        numbers = super().step(images, labels, progress)
        self.trained += 1
        if self.trained >= 6 and self.times == 0:
            with torch.no_grad():
                list(self._generator.parameters())[-1].fill_(self.poison)
        return numbers

    def gentler(self, times: int) -> None:
        super().gentler(times)
        self.times = times

    def state(self) -> State:
        return super().state() | {"trained": self.trained}

    def load(self, state: State) -> None:
        super().load(state)
        self.trained = state["trained"]


@pytest.fixture
def looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LOG_IMAGES", 8)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(health, "IMAGES_BETWEEN", 16)


@pytest.mark.parametrize(("poison", "sentence"), [(math.nan, "is nan|not a finite"), (0.0, "become alike")])
@pytest.mark.usefixtures("looked_at_often")
def test_trouble_is_answered_by_the_last_good_state_and_a_gentler_setting(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch, poison: float, sentence: str
) -> None:
    monkeypatch.setattr(Fragile, "poison", poison)
    outcome = run_once(tmp_path / "run", data, kind=Fragile)
    assert outcome.finished
    assert outcome.images_seen == IMAGES
    said = (tmp_path / "run" / "log.txt").read_text()
    assert re.search(rf"trouble: .*({sentence}).*back to the state at \d+ images, with a gentler setting", said)
    assert said.count("trouble") == 1
    last = list(final_weights(tmp_path / "run").values())[-1]
    assert torch.isfinite(last).all()
    assert last.abs().max() > 0


@pytest.mark.parametrize("at", [4, 6, 8, 9])
@pytest.mark.usefixtures("looked_at_often")
def test_a_run_that_went_back_is_resumed_as_exactly(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(Fragile, "poison", math.nan)
    run_once(tmp_path / "whole", data, kind=Fragile)
    with pytest.raises(Interrupted):
        run_once(tmp_path / "broken", data, kind=Fragile, interrupt_at=at)
    run_once(tmp_path / "broken", data, kind=Fragile)
    whole, resumed = final_weights(tmp_path / "whole"), final_weights(tmp_path / "broken")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.usefixtures("looked_at_often")
def test_trouble_at_the_very_end_is_not_what_is_kept(
    tmp_path: Path, data: TrainingSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fragile, "poison", math.nan)
    monkeypatch.setattr(loop, "LOG_IMAGES", 10**9)
    run_once(tmp_path / "run", data, kind=Fragile)
    assert "trouble" in (tmp_path / "run" / "log.txt").read_text()
    assert all(torch.isfinite(weight.float()).all() for weight in final_weights(tmp_path / "run").values())
