"""Signals and exit codes, on a real process."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app import server


def in_background(running: Any, count: int) -> tuple[list[threading.Thread], list[int]]:
    """Threads that each ask for an image, and the statuses they were answered with (0: cut off)."""
    statuses: list[int] = []

    def ask() -> None:
        try:
            statuses.append(running.client.post("/generate").status_code)
        except httpx.HTTPError:
            statuses.append(0)  # cut off

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, statuses


def wait_until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_service_ends_with_code_0(start_painted: Any, number: int) -> None:
    with start_painted(drain_notice_s=0) as running:
        running.signal(number)
        assert running.exit_code() == 0


def test_what_was_accepted_is_answered_and_new_work_is_refused(start_painted: Any) -> None:
    with start_painted(seconds=1.0, drain_notice_s=0.7) as running:
        assert running.client.get("/readyz").status_code == 200
        threads, statuses = in_background(running, 20)
        wait_until(lambda: in_flight(running) >= 21)  # and the scrape itself
        running.signal()
        wait_until(lambda: running.client.get("/readyz").status_code == 503)
        refused = running.client.post("/generate")
        assert (refused.status_code, refused.json()["code"]) == (503, "draining")
        assert refused.headers["retry-after"]
        assert refused.headers["connection"] == "close"
        for thread in threads:
            thread.join()
        assert statuses == [200] * 20
        assert running.exit_code() == 0
    requests = [line for line in running.lines if line["message"] == "request" and line["path"] == "/generate"]
    assert sorted(line["status"] for line in requests) == [200] * 20 + [503]


def in_flight(running: Any) -> float:
    text = running.client.get("/metrics").text
    return float(next(line for line in text.splitlines() if line.startswith("tessera_requests_in_flight ")).split()[1])


def test_the_grace_limit_ends_what_takes_too_long(start_painted: Any) -> None:
    with start_painted(seconds=60, drain_notice_s=0, shutdown_grace_s=1) as running:
        threads, _ = in_background(running, 1)
        wait_until(lambda: in_flight(running) >= 2)
        running.signal()
        assert running.exit_code(10) == 0
        threads[0].join()


def test_a_second_signal_ends_at_once(start_painted: Any) -> None:
    with start_painted(seconds=60, drain_notice_s=60) as running:
        threads, _ = in_background(running, 1)
        wait_until(lambda: in_flight(running) >= 2)
        running.signal()
        wait_until(lambda: running.client.get("/readyz").status_code == 503)
        running.signal()
        assert running.exit_code(10) == server.EX_FORCED == 1
        threads[0].join()


def test_a_lost_device_ends_the_process_with_its_own_code(start_painted: Any) -> None:
    with start_painted(seconds=-1) as running:
        answer = running.client.post("/generate")
        assert (answer.status_code, answer.json()["code"]) == (503, "device_lost")
        assert running.client.get("/readyz").status_code == 503
        assert running.exit_code() == server.EX_DEVICE_LOST == 70
    assert server.DEVICE_LOST_DELAY_S <= 1  # the promise is 2 s, and a busy machine needs some of it
