import pytest

from app.errors import DeviceLost, Draining, NotLoaded
from app.lifecycle import Lifecycle, Stage


def test_work_is_refused_until_ready() -> None:
    lifecycle = Lifecycle()
    with pytest.raises(NotLoaded, match="being loaded"):
        lifecycle.require_ready()
    lifecycle.ready()
    lifecycle.require_ready()
    assert lifecycle.reason == "ok"


def test_without_a_model_the_reason_is_told() -> None:
    lifecycle = Lifecycle()
    lifecycle.empty("no model in models/")
    with pytest.raises(NotLoaded, match="no model in models/"):
        lifecycle.require_ready()


def test_draining_ends_only_with_the_process() -> None:
    lifecycle = Lifecycle()
    lifecycle.drain()
    lifecycle.ready()  # loading that ends during the drain changes nothing
    lifecycle.empty("late")
    with pytest.raises(Draining) as caught:
        lifecycle.require_ready()
    assert caught.value.retry_after > 0


def test_a_lost_device_is_told_once_and_for_ever() -> None:
    lifecycle, told = Lifecycle(), []
    lifecycle.on_device_lost(lambda: told.append(lifecycle.stage))
    lifecycle.ready()
    lifecycle.device_lost("Xid 79")
    lifecycle.device_lost("again")
    lifecycle.drain()
    lifecycle.ready()
    assert told == [Stage.LOST]
    with pytest.raises(DeviceLost, match="Xid 79"):
        lifecycle.require_ready()
