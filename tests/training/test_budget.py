import time

import pytest

from training.budget import Budget


@pytest.mark.parametrize(("images", "seconds"), [(None, None), (10, 10.0), (0, None), (-5, None), (None, 0.0)])
def test_a_budget_is_one_thing_and_more_than_nothing(images: int | None, seconds: float | None) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(images, seconds)


def test_images_are_counted_until_they_are_spent() -> None:
    budget = Budget(100, None)
    budget.count(64)
    assert not budget.spent
    budget.tick()
    assert budget.progress == 0.64
    budget.count(64)
    assert budget.spent
    budget.tick()
    assert budget.progress == 1


def test_progress_moves_only_at_ticks() -> None:
    budget = Budget(100, None)
    budget.count(50)
    assert budget.progress == 0


def test_time_is_carried_over_a_resumption() -> None:
    before = Budget(None, 3600.0)
    before.load({"images_seen": 7, "progress": 0.5, "seconds": 1800.0, "cpu_seconds": 3000.0})
    state = before.state()
    after = Budget(None, 3600.0)
    after.load(state)
    assert after.seconds >= 1800
    assert after.cpu_seconds >= 3000
    assert after.images_seen == 7
    assert not after.spent
    after.load(state | {"seconds": 3600.0})
    assert after.spent


def test_processor_time_does_not_pass_while_the_process_waits() -> None:
    wall, processor = Budget(None, 0.2), Budget(None, 0.2, processor_time=True)
    time.sleep(0.25)
    wall.tick()
    processor.tick()
    assert wall.spent
    assert wall.progress == 1
    assert not processor.spent
    processor.load({"images_seen": 7, "progress": 0.1, "seconds": 0.0, "cpu_seconds": 0.2})
    assert processor.spent


class Clock:
    """A machine that takes as long as it is told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def takes(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(time, "process_time", clock)
    return clock


@pytest.mark.parametrize("processor_time", [False, True])
@pytest.mark.parametrize(("step", "saving", "looking"), [(0.1, 3.0, 4.0), (6.0, 1.0, 0.0), (0.5, 0.01, 8.0)])
def test_start_steps_and_the_end_together_are_within_five_percent(
    clock: Clock, step: float, saving: float, looking: float, processor_time: bool
) -> None:
    clock.takes(7.0)
    budget = Budget(None, 120.0, processor_time, head_start=7.0)
    clock.takes(5.0)  # lint, decoding

    def work(name: str, seconds: float) -> None:
        with budget.reserving(name):
            clock.takes(seconds)

    work("look", looking)
    work("save", saving)
    while not budget.spent:
        clock.takes(step)
        budget.count(32)
        budget.tick()
    assert budget.progress == pytest.approx(1, abs=0.05)
    work("look", looking)
    work("save", saving)
    assert clock.now == pytest.approx(120, rel=0.05)
    assert budget.spent


def test_a_resumed_run_counts_its_own_start_too(clock: Clock) -> None:
    budget = Budget(None, 100.0, head_start=8.0)
    clock.takes(2.0)
    budget.load({"images_seen": 7, "progress": 0.5, "seconds": 50.0, "cpu_seconds": 50.0})
    assert budget.seconds == 60


class Meter:
    """Stands in for the host's counters."""

    def __init__(self, *reads: float | None) -> None:
        self.reads = list(reads)

    def read(self) -> float | None:
        return self.reads.pop(0)


def test_energy_is_carried_over_a_resumption() -> None:
    before = Budget(100, None, meter=Meter(2.5))
    after = Budget(100, None, meter=Meter(1.0))
    after.load(before.state())
    assert after.energy_wh == 3.5


def test_energy_of_which_a_part_is_unknown_is_unknown() -> None:
    before = Budget(100, None, meter=Meter(None))
    after = Budget(100, None, meter=Meter(1.0))
    after.load(before.state())
    assert after.energy_wh is None
    assert Budget(100, None).energy_wh is None
