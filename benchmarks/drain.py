"""SIGTERM under load, again and again: no request that was accepted may be lost.

    python -m benchmarks.drain [--times 50]        (about 10 seconds each)

Sixteen connections ask without pause until they are told 503, or find the port closed when they connect anew. Whatever
a connection has sent before that must be answered; the process must end with code 0.
"""

import random
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks import client
from benchmarks.plan import CUT, REFUSED, Plan, Stream
from benchmarks.report import Check, Report, parser
from benchmarks.service import serving
from benchmarks.tutorial import models_folder

CONNECTIONS = 16
SIZES = [{"n": n} for n in (1, 4, 16, 2, 1, 8)]


def main() -> int:
    parse = parser(__doc__, seconds=1.5)
    parse.add_argument("--times", type=int, default=50)
    options = parse.parse_args()
    report = Report("drain", f"SIGTERM under load, {options.times} times")
    statuses: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    slowest, chance = 0.0, random.Random(0)
    with models_folder(options.models) as models:
        for time_ in range(options.times):
            answered, code, took = once(models, options.seconds * chance.uniform(0.5, 1.5))
            statuses.update(answered)
            codes[code] += 1
            slowest = max(slowest, took)
            print(f"{time_ + 1}: {answered}, code {code}", file=sys.stderr, flush=True)
    lost, refused = statuses[str(CUT)], statuses[str(REFUSED)]
    others = sum(statuses.values()) - statuses["200"] - statuses["503"] - lost - refused
    report.add(
        f"{statuses['200']} requests served, {statuses['503']} told 503 after the signal, {refused} found the port "
        f"closed; the process ended at most {slowest:.2f} s after the signal."
    )
    report.checks(
        Check("0 accepted requests lost", str(lost), lost == 0),
        Check("nothing but 200 and 503", str(others), others == 0),
        Check("exit code 0 each time", ", ".join(f"{code}: {n}" for code, n in codes.items()), set(codes) == {0}),
    )
    return report.write(options.results)


def once(models: Path, seconds: float) -> tuple[dict[str, int], int, float]:
    """Statuses of all requests, the exit code, and how long after the signal the process ended."""
    with serving(models, max_batch_size=16) as service:
        # Long enough for any drain: it ends when every connection was told 503.
        stream = Stream("load", SIZES, CONNECTIONS, 60.0, until_status=503)
        load = client.start(Plan(service.port, [stream]))
        time.sleep(1.0 + seconds)  # the client needs a part of the first second to start
        signalled = time.monotonic()
        service.process.terminate()
        code = service.process.wait(120)
        took = time.monotonic() - signalled
        (summary,) = client.collect(load)
    return dict(summary.statuses), code, took


if __name__ == "__main__":
    sys.exit(main())
