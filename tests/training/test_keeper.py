"""A run goes back to states that a check found well, one further back each time, also after a resumption."""

from pathlib import Path

import pytest

from training import checkpoint
from training.budget import Budget
from training.checkpoint import State
from training.keeper import Keeper
from training.networks.generator import ImageGenerator


class Counting:
    """A recipe whose whole state is one number."""

    family = "counting"
    batch_size = 10
    learnt = 0
    times = 0
    published: ImageGenerator

    def step(self, *_: object) -> dict[str, object]:
        raise NotImplementedError

    def gentler(self, times: int) -> None:
        self.times = times

    def state(self) -> State:
        return {"learnt": self.learnt}

    def load(self, state: State) -> None:
        self.learnt = state["learnt"]


class Run:
    def __init__(self, folder: Path) -> None:
        self.recipe = Counting()
        self.budget = Budget(1000, None)
        self.keeper = Keeper(folder, self.recipe, self.budget, {})  # type: ignore[arg-type]

    def learn(self) -> "Run":
        self.recipe.learnt += 1
        self.budget.count(10)
        return self


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Good at 0, 10, 20 and 30 images; at 40 now."""
    run = Run(tmp_path)
    run.keeper.save_good()
    for _ in range(3):
        run.learn().keeper.save_good()
    return run.learn()


def test_the_last_good_state_comes_back_with_a_gentler_setting(run: Run) -> None:
    said = run.keeper.roll_back()
    assert "30 images" in said
    assert run.recipe.learnt == 3
    assert run.recipe.times == 1
    assert run.budget.images_seen == 40


def test_trouble_before_the_next_check_goes_one_further_back(run: Run) -> None:
    run.keeper.roll_back()
    run.learn()
    assert "20 images" in run.keeper.roll_back()
    assert (run.recipe.learnt, run.recipe.times) == (2, 2)
    run.learn()
    assert "20 images" in run.keeper.roll_back()
    assert (run.recipe.learnt, run.recipe.times) == (2, 3)


def test_after_a_check_that_went_well_the_newest_is_the_good_one(run: Run) -> None:
    run.keeper.roll_back()
    run.learn().keeper.save_good()
    assert "50 images" in run.learn().keeper.roll_back()


def test_a_resumed_run_goes_back_as_an_unbroken_one(run: Run, tmp_path: Path) -> None:
    run.keeper.roll_back()
    resumed = Run(tmp_path)
    assert resumed.keeper.resume()
    assert (resumed.recipe.learnt, resumed.recipe.times, resumed.budget.images_seen) == (3, 1, 40)
    assert "20 images" in resumed.learn().keeper.roll_back()


def test_only_the_good_ones_and_the_latest_are_on_disk(run: Run, tmp_path: Path) -> None:
    run.keeper.save()
    assert {checkpoint.read(path)["recipe"]["learnt"] for path in tmp_path.iterdir()} == {2, 3, 4}


def test_an_empty_folder_has_nothing_to_resume(tmp_path: Path) -> None:
    assert not Run(tmp_path).keeper.resume()
