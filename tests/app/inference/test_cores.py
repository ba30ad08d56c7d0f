"""Whose cores they are, and that one thread leads them all."""

import contextlib
import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from app.inference import cores
from app.inference.cores import lead, on_all_cores, usable_threads, use_threads


@pytest.mark.parametrize(
    ("quota", "expected"), [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)]
)
def test_a_containers_quota_limits_the_threads(monkeypatch, tmp_path, quota, expected):
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(cores, "_QUOTA", file)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 16)
    assert usable_threads() == expected


def test_without_a_quota_pytorch_decides(monkeypatch, tmp_path):
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "absent")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(cores.os, "cpu_count", lambda: 16)
    assert usable_threads() == 3


def test_all_who_ask_are_led_by_one_thread():
    def asked():
        return on_all_cores(2, lambda: (threading.get_ident(), torch.get_num_threads()))

    with ThreadPoolExecutor(3) as callers:
        seen = {call.result() for call in [callers.submit(asked) for _ in range(6)]}
    ((leader, threads),) = seen
    assert threads == 2
    assert leader != threading.get_ident()


def test_each_who_asks_has_as_many_threads_as_it_wants():
    assert [on_all_cores(threads, torch.get_num_threads) for threads in (2, 1, 2, 3)] == [2, 1, 2, 3]


def test_what_fails_there_fails_here():
    with pytest.raises(ZeroDivisionError):
        on_all_cores(2, lambda: 1 // 0)
    assert on_all_cores(2, lambda: "goes on") == "goes on"


def test_what_failed_there_holds_nothing_back():
    held = []

    def fail():
        tensor = torch.zeros(1)
        held.append(weakref.ref(tensor))
        raise ZeroDivisionError

    gc.disable()  # who tries again at once does not wait for a collection
    try:
        with contextlib.suppress(ZeroDivisionError):
            on_all_cores(2, fail)
        assert held[0]() is None
    finally:
        gc.enable()


def test_a_thread_keeps_to_its_own_number_and_new_ones_begin_with_the_default():
    def numbers():
        use_threads(1)
        use_threads(1)
        return torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(1) as caller:
            assert caller.submit(numbers).result() == 1
            use_threads(2, by_default=True)
            assert caller.submit(torch.get_num_threads).result() == 1
        with ThreadPoolExecutor(1) as caller:
            assert caller.submit(torch.get_num_threads).result() == 2
        assert torch.get_num_threads() == 2
    finally:
        use_threads(before, by_default=True)


def test_who_is_led_already_does_not_wait_for_itself():
    assert on_all_cores(2, lambda: on_all_cores(2, threading.get_ident)) == on_all_cores(2, threading.get_ident)


def test_nothing_is_recorded_there_for_gradients():
    assert on_all_cores(2, torch.is_inference_mode_enabled)
    assert not torch.is_inference_mode_enabled()


def begun(action, seconds=10.0):
    """When the thread was free."""
    until = time.monotonic() + seconds
    while not lead(action):
        assert time.monotonic() < until
        time.sleep(0.001)


def test_who_only_begins_there_goes_on_here():
    there, held = threading.Event(), threading.Event()
    begun(lambda: (there.set(), held.wait(10)))
    assert there.wait(10)
    assert not lead(lambda: None)  # it has something to do
    held.set()
    found = []
    begun(lambda: found.append(threading.get_ident()))
    assert on_all_cores(2, threading.get_ident) == found[0]


def test_it_is_not_begun_with_while_somebody_waits_for_it():
    there, held = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(on_all_cores, 2, lambda: (there.set(), held.wait(10)))
        assert there.wait(10)
        assert not lead(lambda: None)
        held.set()
        waiting.result()
    begun(lambda: None)


def test_what_fails_there_with_nobody_waiting_is_logged(caplog):
    begun(lambda: 1 // 0)
    assert on_all_cores(2, lambda: "goes on") == "goes on"
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]
