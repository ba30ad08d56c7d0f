import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app import server

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no such policy")
def test_threads_take_turns_unless_somebody_chose_another_policy() -> None:
    found = []

    def run() -> None:
        server.take_turns()
        found.append(os.sched_getscheduler(0))
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        server.take_turns()
        found.append(os.sched_getscheduler(0))

    thread = threading.Thread(target=run)  # a policy is a thread's own
    thread.start()
    thread.join()
    assert found == [os.SCHED_BATCH, os.SCHED_IDLE]


def ended(before: str) -> subprocess.CompletedProcess[str]:
    """A process that ends now, with a line of a request that waits, after `before`."""
    program = f"""
import asyncio, logging, threading
from app import logs, server
async def main():
    logs.request("/generate", {{"status": 429}})({{}})
    {before}
    server.end_now(7)
logs.configure("info")
asyncio.run(main())
"""
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_forced_end_loses_no_line() -> None:
    done = ended("pass")
    assert done.returncode == 7
    assert '"status":429' in done.stdout


def test_a_forced_end_waits_for_no_log_that_is_stuck() -> None:
    assert ended("logging.root.handlers[0].lock.acquire()").returncode == 7
