import os
import signal
import threading

import pytest

from training.signals import stop_on_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_is_as_before(number: int) -> None:
    before = signal.getsignal(number)
    with stop_on_signals() as asked:
        assert not asked()
        os.kill(os.getpid(), number)
        assert asked()
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_another_thread_is_left_alone() -> None:
    said = []

    def run() -> None:
        with stop_on_signals() as asked:
            said.append(asked())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert said == [False]
