"""The service under load, beside its bare engine. The table goes to benchmarks/results/.

    python -m benchmarks.load        (`make bench`; about 3 minutes)

Closed loop: so many connections, each asking again as soon as it was answered. Open loop: requests arrive by chance at
a fixed rate, whatever the answers. The client runs on the same machine and takes its part of the processor.
"""

import statistics
import sys
from typing import Any

from benchmarks import bare, client
from benchmarks.plan import Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import Service, serving
from benchmarks.tutorial import models_folder

WARM_UP_S = 2.0
CLOSED = ((1, 1), (1, 64), (4, 32), (16, 16), (64, 4))  # images a request, connections
OPEN_SHARES = (0.5, 0.8)  # of what the closed loop reached with n=16


def main() -> int:
    options = parser(__doc__, seconds=12).parse_args()
    report = Report("load", "The service under load")
    with models_folder(options.models) as models:
        before = bare.measure(models, options.seconds)
        with serving(models) as service:
            closed = {case: ask(service, *case, options.seconds) for case in CLOSED}
            peak = closed[16, 16].requests_per_second
            opened = {share: ask(service, 16, 256, options.seconds, share * peak) for share in OPEN_SHARES}
        after = bare.measure(models, options.seconds)
    engine = {name: (before["engine"][name] + after["engine"][name]) / 2 for name in before["engine"]}
    report.table(
        ["alone, before and after the load", f"images/s in batches of {bare.BATCH}", "ms for one image"],
        [bare_row(name, before[name], after[name]) for name in before],
    )
    rows = [row(f"closed, n={n}, {of} connections", closed[n, of], engine) for n, of in CLOSED]
    rows += [row(f"open, n=16, {share:.0%} of that rate", opened[share], engine) for share in OPEN_SHARES]
    headings = ["load", "requests/s", "images/s", "of the engine", "p50 ms", "p90 ms", "p99 ms", "failed or refused"]
    report.table(headings, rows)
    report.checks(*checks(before, after, engine, closed))
    report.write(options.results)
    return 0  # the targets are those of one machine


def ask(service: Service, n: int, connections: int, seconds: float, rate: float | None = None) -> Summary:
    body: dict[str, Any] = {"n": n}
    warm_up = min(WARM_UP_S, seconds)
    stream = Stream("load", [body], connections, seconds + warm_up, rate=rate, warm_up_s=warm_up)
    (summary,) = client.measure(service.port, stream)
    return summary


def bare_row(name: str, before: dict[str, float], after: dict[str, float]) -> list[str]:
    known = {
        "engine": "the bare engine",
        "plain": "the same file under torch.jit.load",
        "limit": "its multiplications at the rate of matrix products",
        "latents": f"latents alone, {bare.LATENTS} at a time",
    }
    rates = f"{before['batch']:.0f}, {after['batch']:.0f}"
    return [known[name], rates, f"{before['one'] * 1e3:.3f}, {after['one'] * 1e3:.3f}"]


def row(name: str, summary: Summary, engine: dict[str, float]) -> list[str]:
    served = summary.served
    not_served = sum(summary.statuses.values()) - summary.statuses.get("200", 0)
    return [
        name,
        f"{summary.requests_per_second:.1f}",
        f"{summary.images_per_second:.0f}",
        f"{summary.images_per_second / engine['batch']:.0%}",
        milliseconds(served.p50),
        milliseconds(served.p90),
        milliseconds(served.p99),
        str(not_served),
    ]


def checks(
    before: dict[str, dict[str, float]],
    after: dict[str, dict[str, float]],
    engine: dict[str, float],
    closed: dict[tuple[int, int], Summary],
) -> list[Check]:
    both = (before, after)
    batch = statistics.mean(found["engine"]["batch"] / found["plain"]["batch"] for found in both)
    one = statistics.mean(found["plain"]["one"] / found["engine"]["one"] for found in both)
    limit = statistics.mean(found["engine"]["batch"] / found["limit"]["batch"] for found in both)
    latents = statistics.mean(found["latents"]["one"] for found in both) * 1e6
    share = closed[16, 16].images_per_second / engine["batch"]
    above = closed[1, 1].served.p50 - engine["one"]
    failed = sum(summary.failed for summary in closed.values())
    return [
        Check("engine, batches of 64, against plain torch.jit.load: >= 1.3x", f"{batch:.2f}x", batch >= 1.3),
        Check("engine, batches of 64, against the matrix-product limit: >= 0.85", f"{limit:.2f}", limit >= 0.85),
        Check("engine, one image, against plain torch.jit.load: >= 2x", f"{one:.2f}x", one >= 2),
        Check("served against the bare engine, n=16, saturated: >= 0.90", f"{share:.2f}", share >= 0.9),
        Check(
            "p50 of one idle n=1 request above the forward pass: <= 2.5 ms",
            f"{milliseconds(above)} ms",
            above <= 0.0025,
        ),
        Check("latents in bulk: <= 10 microseconds an image", f"{latents:.1f} us", latents <= 10),
        Check("no request fails", str(failed), failed == 0),
    ]


if __name__ == "__main__":
    sys.exit(main())
