"""What the threads of an engine ask of the system's scheduler, asked back from it."""

import ctypes
import os
import platform
import re
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.inference import turns

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness and turns for each thread")

_SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}
_SIZE = 48


def in_a_thread(action: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(action()))  # whose attributes end with it
    thread.start()
    thread.join()
    return found[0]


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def turn_s() -> float:
    attributes = ctypes.create_string_buffer(_SIZE)
    assert ctypes.CDLL(None).syscall(_SCHED_GETATTR[platform.machine()], 0, attributes, _SIZE, 0) == 0
    return float(struct.unpack_from("=Q", attributes, 24)[0] / 1e9)


def afterwards() -> int:
    turns.share_cores()
    return niceness()


def test_a_thread_is_nicer_afterwards_and_no_other_is() -> None:
    before = niceness()
    assert in_a_thread(afterwards) == min(before + turns.NICENESS, 19)
    assert niceness() == before


@pytest.mark.skipif(
    [int(number) for number in re.findall(r"\d+", platform.release())[:2]] < [6, 12]
    or platform.machine() not in _SCHED_GETATTR,
    reason="long turns can be asked for from Linux 6.12 on, and only on these machines",
)
@pytest.mark.parametrize("name", ["SCHED_OTHER", "SCHED_BATCH"])
def test_it_asks_for_long_turns_under_the_policy_that_it_has(name: str) -> None:
    policy: int = getattr(os, name)

    def asked() -> tuple[float, int]:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        turns.share_cores()
        return turn_s(), os.sched_getscheduler(0)

    assert in_a_thread(asked) == (pytest.approx(turns.TURN_S), policy)


def test_another_policy_is_left_as_it_is() -> None:
    def left() -> int:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        turns.share_cores()
        return os.sched_getscheduler(0)

    assert in_a_thread(left) == os.SCHED_IDLE


def test_on_a_machine_that_is_not_known_it_is_nicer_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    assert in_a_thread(afterwards) == min(niceness() + turns.NICENESS, 19)


def test_who_gives_way_lets_go_of_the_interpreter_lock() -> None:
    called, came = threading.Event(), threading.Event()
    other = threading.Thread(target=lambda: called.wait() and came.set())
    other.start()
    usual = sys.getswitchinterval()
    try:
        sys.setswitchinterval(1_000)  # nobody is made to let go of it
        called.set()
        until = time.monotonic() + 10
        while not came.is_set() and time.monotonic() < until:
            turns.give_way()
        assert came.is_set()
    finally:
        sys.setswitchinterval(usual)
