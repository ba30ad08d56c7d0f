"""Two hundred thousand requests of all kinds: memory and open files must not grow with them.

    python -m benchmarks.soak [--requests 200000]        (about 10 minutes; ends after --seconds at the latest)

Most ask for one image; some for other forms, for grids, for what is refused, and some hang up before the answer.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from benchmarks import client
from benchmarks.plan import Plan, Stream
from benchmarks.report import Check, Report, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder
from benchmarks.wire import Cut, connect, post

CONNECTIONS = 32
EVERY = 20_000
MEBIBYTE = 2**20
MIX: Sequence[Mapping[str, Any]] = [
    *[{"n": 1}] * 40,
    {"n": 1, "format": "json"},
    {"n": 1, "format": "webp"},
    {"n": 1, "format": "jpeg"},
    {"n": 2, "format": "zip"},
    {"n": 4},
    {"n": 1, "scale": 4},
    {"n": 0},
    {"model": "no-such-model"},
    {"n": 1, "sedd": 3},
    {"n": 1, "truncation_psi": 0.5},
]
EXPECTED = {"200", "404", "422"}
LOOK_S = 1.0


@dataclass(frozen=True)
class Sample:
    """requests: answered since the start. resident: bytes."""

    requests: float
    resident: float
    files: float


def main() -> int:
    parse = parser(__doc__, seconds=1800)
    parse.add_argument("--requests", type=int, default=200_000)
    options = parse.parse_args()
    report = Report("soak", f"{options.requests:,} requests")
    with models_folder(options.models) as models, serving(models) as service:
        stream = Stream("soak", MIX, CONNECTIONS, options.seconds, requests=options.requests)
        before = sample(service)
        load = client.start(Plan(service.port, [stream]))
        samples = asyncio.run(watch(service, load.process))
        (summary,) = client.collect(load)
        time.sleep(2)
        after = sample(service)
    samples = [seen for seen in samples if seen.requests > before.requests]
    shown = [before, *samples[:: max(1, len(samples) // 20)], after]
    rows = [[f"{seen.requests:,.0f}", f"{seen.resident / MEBIBYTE:.1f}", f"{seen.files:.0f}"] for seen in shown]
    report.table(["requests answered", "resident MiB", "open files"], rows)
    asked = sum(summary.statuses.values())
    statuses = ", ".join(f"{status}: {count:,}" for status, count in summary.statuses.items())
    report.add(
        f"{asked:,} requests in {summary.seconds:.0f} s, by status {statuses}; and one hang-up every {LOOK_S:.1f} s."
    )
    report.checks(*checks(samples, asked, options.requests, set(summary.statuses)))
    left = after.files - before.files
    report.checks(Check("nothing left open afterwards", f"{left:+.0f} open files", left <= 0))
    return report.write(options.results)


async def watch(service: Service, process: "subprocess.Popen[bytes]") -> list[Sample]:
    """A sample now and again until the client has ended, and each time a client that hangs up."""
    samples = []
    while process.poll() is None:
        samples.append(await asyncio.to_thread(sample, service))
        await hang_up(service.port)
        await asyncio.sleep(LOOK_S)
    return samples


def sample(service: Service) -> Sample:
    now = service.metrics()
    return Sample(now["requests_total"], now["process_resident_memory_bytes"], now["process_open_fds"])


async def hang_up(port: int) -> None:
    connection = await connect(LOOPBACK, port)
    with suppress(Cut, TimeoutError):
        async with asyncio.timeout(0.02):
            await connection.ask(post("/generate", {"n": 8}, LOOPBACK))
    connection.hang_up()


def settled(samples: Sequence[Sample]) -> list[Sample]:
    """Without the first tenth of the requests, which fills caches."""
    first, last = samples[0].requests, samples[-1].requests
    return [seen for seen in samples if seen.requests >= first + (last - first) / 10]


def slope(samples: Sequence[Sample]) -> float:
    """Resident bytes a request, by least squares."""
    requests = [seen.requests for seen in samples]
    if len(set(requests)) < 2:
        return 0.0
    return statistics.linear_regression(requests, [seen.resident for seen in samples]).slope


def checks(samples: Sequence[Sample], asked: int, wanted: int, statuses: set[str]) -> list[Check]:
    samples = settled(samples)
    growth = slope(samples) * EVERY / MEBIBYTE
    first, most = samples[0].files, max(seen.files for seen in samples)
    return [
        Check(f"all {wanted:,} requests were made", f"{asked:,}", asked >= wanted),
        Check(f"resident memory grows by <= 1 MB per {EVERY:,} requests", f"{growth:+.2f} MiB", growth <= 1 / 1.048576),
        # The hung-up connection and the one that looks are there or not.
        Check("open files flat", f"{first:.0f} early, at most {most:.0f}", most <= first + 4),
        Check("nothing but what was asked for", ", ".join(sorted(statuses)), statuses <= EXPECTED),
    ]


if __name__ == "__main__":
    sys.exit(main())
