"""What the loop is told of a run: trouble in numbers, weights and pictures, and its best moment."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from training import best
from training.budget import Budget
from training.config import DcganConfig
from training.data.training_set import TrainingSet
from training.judge import Judge
from training.recipes.dcgan import Dcgan
from training.run import RunLog
from training.watch import Finding, Watch


class Fixed(Dcgan):
    """The same networks every time, so that they can be spoilt."""

    @property
    def published(self) -> torch.nn.Module:  # type: ignore[override]
        return self._generator.eval()


@pytest.fixture
def recipe() -> Fixed:
    torch.manual_seed(0)
    return Fixed(DcganConfig(8, 3, z_dim=2, width=8, batch_size=8), torch.device("cpu"))


@pytest.fixture
def budget() -> Budget:
    return Budget(10_000, None)


@pytest.fixture
def watch(tmp_path: Path, recipe: Fixed, budget: Budget) -> Iterator[Watch]:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    judge = Judge(lambda images: images.reshape(len(images), -1).astype(np.float32), images)
    data = TrainingSet(images, np.zeros(20, np.int64), np.arange(20))
    log = RunLog(tmp_path)
    yield Watch(recipe, data, budget, judge, log, seed=0)
    log.close()


def test_numbers_are_looked_at_every_time_and_pictures_when_it_is_due(watch: Watch, budget: Budget) -> None:
    assert watch.look({"Loss/D": 1.0}) == Finding(True, "")
    assert watch.look({"Loss/D": 1.0}) == Finding(False, "")
    assert "Loss/D" in watch.look({"Loss/D": math.nan}).trouble
    budget.count(5000)
    budget.tick()
    assert watch.look({"Loss/D": 1.0}).checked


def test_a_generator_that_is_broken_or_draws_one_picture_is_trouble(watch: Watch, recipe: Fixed) -> None:
    assert not watch.look({}).trouble
    last = list(recipe.published.parameters())[-1]
    with torch.no_grad():
        last.zero_()
    assert "alike" in watch.look({}, last=True).trouble
    with torch.no_grad():
        last.fill_(math.nan)
    assert "weight" in watch.look({}, last=True).trouble


def test_late_moments_are_measured_and_said(
    watch: Watch, budget: Budget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(best, "RUN_IMAGES_FOR_ONE", 100)
    budget.count(9000)
    budget.tick()
    assert not watch.look({}).trouble
    assert watch.best.state()["images_seen"] == 9000
    assert "KID" in (tmp_path / "log.txt").read_text()
    assert "Health/diversity" in (tmp_path / "stats.jsonl").read_text()
    assert (tmp_path / "fakes009000.png").exists()
