"""The load client: makes the load of a plan from a process of its own, and tells what came of it.

    python -m benchmarks.client < plan.json > summaries.json

Benchmarks call `measure`, which starts that process. A plan is benchmarks.plan.Plan as JSON; only 127.0.0.1 is asked.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import uvloop

from benchmarks.loops import Run
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.tally import summarise

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"


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


async def perform(plan: Plan) -> list[Summary]:
    """The load itself, in this process."""
    if plan.host != LOOPBACK:
        raise ValueError(f"the load client asks {LOOPBACK} only, not {plan.host}")
    began = time.perf_counter()
    runs = [Run(plan, stream, began) for stream in plan.streams]
    await asyncio.gather(*(run.run() for run in runs))
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
    json.dump([summary.to_json() for summary in uvloop.run(perform(plan))], sys.stdout)


if __name__ == "__main__":
    main()
