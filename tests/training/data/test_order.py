import numpy as np
import pytest

from training.data.order import Order


def take(order: Order, steps: int) -> np.ndarray:
    return np.concatenate([order.next() for _ in range(steps)])


def test_every_image_is_seen_once_an_epoch() -> None:
    seen = take(Order(12, 4, seed=3), 6)
    assert sorted(seen[:12]) == list(range(12))
    assert sorted(seen[12:]) == list(range(12))
    assert not np.array_equal(seen[:12], seen[12:])


def test_a_batch_may_span_two_epochs_and_exceed_the_set() -> None:
    seen = take(Order(5, 12, seed=0), 5)
    assert all(sorted(seen[k : k + 5]) == list(range(5)) for k in range(0, 60, 5))


def test_it_goes_on_from_any_step() -> None:
    whole = take(Order(50, 7, seed=1), 20)
    later = Order(50, 7, seed=1)
    later.steps = 13
    assert np.array_equal(take(later, 7), whole[13 * 7 :])


def test_seeds_differ() -> None:
    assert not np.array_equal(take(Order(50, 10, 0), 5), take(Order(50, 10, 1), 5))


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="no images"):
        Order(0, 4, 0)
