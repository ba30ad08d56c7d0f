"""The load client: makes the load of a plan from a process of its own, and tells what came of it.

    python -m benchmarks.client < plan.json > summaries.json

Benchmarks call `measure`, which starts that process. A plan is benchmarks.plan.Plan as JSON; only 127.0.0.1 is asked.
"""

import gc
import json
import os
import selectors
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.loops import Closed, Open
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.tally import summarise

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
PATIENCE_S = 1.0  # between two looks at who waits too long


def start(plan: Plan) -> "subprocess.Popen[str]":
    """The client process, at work; `collect` waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.client"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(plan.to_json()))
    process.stdin.close()
    process.stdin = None  # or `communicate` would flush what is closed
    return process


def collect(process: "subprocess.Popen[str]") -> list[Summary]:
    """One summary a stream, in their order. Raises RuntimeError when the client failed."""
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the load client ended with status {process.returncode}")
    return [Summary.from_json(document) for document in json.loads(printed)]


def measure(port: int, *streams: Stream) -> list[Summary]:
    """Makes the load of these streams, at the same time, against the server on this port."""
    return collect(start(Plan(port, streams)))


def perform(plan: Plan) -> list[Summary]:
    """The load itself, in this process."""
    if plan.host != LOOPBACK:
        raise ValueError(f"the load client asks {LOOPBACK} only, not {plan.host}")
    began = time.perf_counter()

    def clock() -> float:
        return time.perf_counter() - began

    with selectors.DefaultSelector() as selector:
        runs = [(Closed if stream.rate is None else Open)(plan, stream, selector, clock) for stream in plan.streams]
        patience = PATIENCE_S
        while not all(run.over for run in runs):
            soonest = min(patience, *(run.wake_at for run in runs))
            for key, events in selector.select(max(0.0, soonest - clock())):
                key.data.ready(events)
            now = clock()
            for run in runs:
                if run.wake_at <= now:
                    run.wake()
            if patience <= now:
                patience = now + PATIENCE_S
                for run in runs:
                    run.lose_patience()
    return [summarise(stream, run.records) for stream, run in zip(plan.streams, runs, strict=True)]


def take_turns() -> None:
    """Where all cores compute what was asked for, this process waits for its turn instead of interrupting them.

    It stands for clients on machines of their own, which would not. For open loops only: what they send late by that
    counts as latency, while a closed loop would ask for less.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def main() -> None:
    plan = Plan.from_json(json.load(sys.stdin))
    if any(stream.rate for stream in plan.streams):
        take_turns()
    gc.disable()  # its pauses would count as the server's
    json.dump([summary.to_json() for summary in perform(plan)], sys.stdout)


if __name__ == "__main__":
    main()
