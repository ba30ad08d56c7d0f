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
