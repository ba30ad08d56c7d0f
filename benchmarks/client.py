"""The load client: makes the load of a plan from a process of its own, and tells what came of it.

That process is a program in C (loader/). Only 127.0.0.1 is asked.
"""

import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from benchmarks.loader.messages import pack, unpack
from benchmarks.loader.program import program
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.tally import summarise


@dataclass(frozen=True)
class Load:
    """A plan, and the process that is at it. told: a file that will have its records."""

    plan: Plan
    process: "subprocess.Popen[bytes]"
    told: IO[bytes]


def start(plan: Plan) -> Load:
    """The load, being made; `collect` waits for its end. Raises LoaderError."""
    asked, command = pack(plan), [program()]
    told = tempfile.TemporaryFile()  # noqa: SIM115  # `collect` closes it; a pipe would hold the process up at its end
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=told)
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as plans:  # a process that has failed: `collect` tells
        plans.write(asked)
    return Load(plan, process, told)


def collect(load: Load) -> list[Summary]:
    """One summary a stream, in their order. Raises RuntimeError when the client failed."""
    with load.told:
        if status := load.process.wait():
            raise RuntimeError(f"the load client ended with status {status}")
        load.told.seek(0)
        records = unpack(load.plan, load.told.read())
    return [summarise(stream, of_it) for stream, of_it in zip(load.plan.streams, records, strict=True)]


def give_up(load: Load) -> None:
    """Ends a load that nobody wants to know about."""
    with load.told:
        load.process.kill()
        load.process.wait()


def measure(port: int, *streams: Stream) -> list[Summary]:
    """Makes the load of these streams, at the same time, against the server on this port."""
    return collect(start(Plan(port, streams)))
