"""The load client: makes the load of a plan from a process of its own, and tells what came of it.

That process is a program in C (loader/). Only 127.0.0.1 is asked.
"""

import subprocess
from contextlib import suppress
from dataclasses import dataclass

from benchmarks.loader.messages import pack, unpack
from benchmarks.loader.program import program
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.tally import summarise


@dataclass(frozen=True)
class Load:
    """A plan, and the process that is at it."""

    plan: Plan
    process: "subprocess.Popen[bytes]"


def start(plan: Plan) -> Load:
    """The load, being made; `collect` waits for its end. Raises CompilerError."""
    asked = pack(plan)
    process = subprocess.Popen([program()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has failed: `collect` tells
        process.stdin.write(asked)
        process.stdin.close()
    process.stdin = None  # or `communicate` would flush what is closed
    return Load(plan, process)


def collect(load: Load) -> list[Summary]:
    """One summary a stream, in their order. Raises RuntimeError when the client failed."""
    told, _ = load.process.communicate()
    if load.process.returncode:
        raise RuntimeError(f"the load client ended with status {load.process.returncode}")
    records = unpack(load.plan, told)
    return [summarise(stream, of_it) for stream, of_it in zip(load.plan.streams, records, strict=True)]


def measure(port: int, *streams: Stream) -> list[Summary]:
    """Makes the load of these streams, at the same time, against the server on this port."""
    return collect(start(Plan(port, streams)))
