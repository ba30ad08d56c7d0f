"""Five hundred connections that send a byte a second: all must be cut in time, and good clients hardly notice.

    python -m benchmarks.slow_loris [--connections 500]        (about 40 seconds)

A quarter each trickles its headers, its body, first the one and then the other, and stops in the middle of its headers.
"""

import asyncio
import sys
import time
from itertools import cycle, islice

from benchmarks import client
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder

WITHIN_S = 10.0
GOOD_CONNECTIONS = 4
START = b"POST /generate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
KINDS = {
    "headers trickle": (START, b"X-Slow: " + b"a" * 100),
    "body trickles": (START + b"Content-Length: 200\r\n\r\n{", b" " * 100),
    "headers trickle, then the body": (START + b"Content-Length: 200\r\n", b"X: a\r\n\r\n{" + b" " * 100),
    "silent within its headers": (START, b""),
}


def main() -> int:
    parse = parser(__doc__, seconds=WITHIN_S + 2)
    parse.add_argument("--connections", type=int, default=500)
    options = parse.parse_args()
    report = Report("slow_loris", f"{options.connections} slow-loris connections")
    with models_folder(options.models) as models, serving(models) as service:
        files = service.metrics()["process_open_fds"]
        (alone,) = client.measure(service.port, good(options.seconds))
        load = client.start(Plan(service.port, [good(options.seconds)]))
        cut = asyncio.run(attack(service, options.connections))
        (beside,) = client.collect(load)
        left = service.metrics()["process_open_fds"] - files
    tell(report, alone, beside, cut)
    report.checks(Check("nothing of theirs is left open", f"{left:+.0f} open files", left <= 0))
    return report.write(options.results)


def good(seconds: float) -> Stream:
    return Stream("good", [{"n": 1}], GOOD_CONNECTIONS, seconds, warm_up_s=min(1.0, seconds / 2))


async def attack(service: Service, connections: int) -> dict[str, list[float]]:
    """Seconds from connecting until each was cut, by kind; infinity: it was not."""
    cut: dict[str, list[float]] = {kind: [] for kind in KINDS}

    async def one(kind: str) -> None:
        cut[kind].append(await trickle(service.port, *KINDS[kind], longest=WITHIN_S * 2 + 5))

    await asyncio.gather(*(one(kind) for kind in islice(cycle(KINDS), connections)))
    return cut


async def trickle(port: int, at_once: bytes, slowly: bytes, longest: float) -> float:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    began = time.monotonic()
    writer.write(at_once)

    async def send() -> None:
        for byte in slowly:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)

    sending = asyncio.create_task(send())
    try:
        async with asyncio.timeout(longest):
            while await reader.read(4096):
                pass
    except TimeoutError:
        return float("inf")
    except OSError:
        pass
    finally:
        sending.cancel()
        writer.transport.abort()
    return time.monotonic() - began


def tell(report: Report, alone: Summary, beside: Summary, cut: dict[str, list[float]]) -> None:
    rows = [[kind, str(len(times)), f"{min(times):.2f}", f"{max(times):.2f}"] for kind, times in cut.items()]
    report.table(["slow connections", "how many", "first cut after s", "last cut after s"], rows)
    rows = [
        [name, f"{found.requests_per_second:.1f}", milliseconds(found.served.p50), milliseconds(found.served.p99)]
        for name, found in (("alone", alone), ("beside them", beside))
    ]
    report.table([f"{GOOD_CONNECTIONS} good connections, n=1", "requests/s", "p50 ms", "p99 ms"], rows)
    last = max(max(times) for times in cut.values())
    slower = beside.served.p99 / max(1e-9, alone.served.p99)
    report.checks(
        Check(f"all cut within {WITHIN_S:.0f} s", f"last after {last:.2f} s", last <= WITHIN_S),
        Check("p99 of good requests <= 1.5x", f"{slower:.2f}x", slower <= 1.5),
        Check("no good request fails", str(beside.failed), beside.failed == 0),
    )


if __name__ == "__main__":
    sys.exit(main())
