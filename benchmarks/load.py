"""The service under load, beside its bare engine. The table goes to benchmarks/results/.

    python -m benchmarks.load        (`make bench`; about 4 minutes)

Closed loop: so many connections, each asking again as soon as it was answered. Open loop: requests arrive by chance at
a fixed rate, whatever the answers. The client runs on the same machine and takes its part of the processor. The engine
alone and the closed loops take turns, because machines change their speed: figures are medians of the rounds.
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from benchmarks import bare, client
from benchmarks.plan import Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import Service, serving
from benchmarks.tutorial import models_folder

WARM_UP_S = 2.0
CLOSED = ((1, 1), (1, 64), (4, 32), (16, 16), (64, 4))  # images a request, connections
OPEN_SHARES = (0.5, 0.8)  # of what the closed loop reached with n=16
ROUNDS = 4

T = TypeVar("T")
Figures = dict[str, dict[str, float]]  # as benchmarks.bare prints them


def main() -> int:
    options = parser(__doc__, seconds=12).parse_args()
    report = Report("load", "The service under load")
    seconds = options.seconds / ROUNDS
    alone: list[Figures] = []
    closed: dict[tuple[int, int], list[Summary]] = {case: [] for case in CLOSED}
    with models_folder(options.models) as models, serving(models) as service:
        for _ in range(ROUNDS):
            alone.append(bare.measure(models, 2 * seconds))
            for case, rounds in closed.items():
                rounds.append(ask(service, *case, seconds))
        alone.append(bare.measure(models, 2 * seconds))
        peak = middle(closed[16, 16], lambda summary: summary.requests_per_second)
        opened = {share: [ask(service, 16, 256, options.seconds, share * peak)] for share in OPEN_SHARES}
    engine = middle(alone, lambda figures: figures["engine"]["batch"])
    report.table(
        ["alone, round by round", f"images/s in batches of {bare.BATCH}", "ms for one image"],
        [bare_row(name, alone) for name in alone[0]],
    )
    rows = [row(f"closed, n={n}, {of} connections", closed[n, of], engine) for n, of in CLOSED]
    rows += [row(f"open, n=16, {share:.0%} of that rate", opened[share], engine) for share in OPEN_SHARES]
    headings = ["load", "requests/s", "images/s", "of the engine", "p50 ms", "p90 ms", "p99 ms", "failed or refused"]
    report.table(headings, rows)
    report.checks(*checks(alone, closed))
    report.write(options.results)
    return 0  # the targets are those of one machine


def ask(service: Service, n: int, connections: int, seconds: float, rate: float | None = None) -> Summary:
    body: dict[str, Any] = {"n": n}
    warm_up = min(WARM_UP_S, seconds)
    stream = Stream("load", [body], connections, seconds + warm_up, rate=rate, warm_up_s=warm_up)
    (summary,) = client.measure(service.port, stream)
    return summary


def middle(rounds: Sequence[T], figure: Callable[[T], float]) -> float:
    return statistics.median(figure(found) for found in rounds)


def bare_row(name: str, alone: list[Figures]) -> list[str]:
    known = {
        "engine": "the bare engine",
        "plain": "the same file under torch.jit.load",
        "limit": "its multiplications at the rate of matrix products",
        "latents": f"latents alone, {bare.LATENTS} at a time",
    }
    rates = ", ".join(f"{figures[name]['batch']:.0f}" for figures in alone)
    return [known[name], rates, ", ".join(f"{figures[name]['one'] * 1e3:.3f}" for figures in alone)]


def row(name: str, rounds: list[Summary], engine: float) -> list[str]:
    rate = middle(rounds, lambda summary: summary.images_per_second)
    return [
        name,
        f"{middle(rounds, lambda summary: summary.requests_per_second):.1f}",
        f"{rate:.0f}",
        f"{rate / engine:.0%}",
        milliseconds(middle(rounds, lambda summary: summary.served.p50)),
        milliseconds(middle(rounds, lambda summary: summary.served.p90)),
        milliseconds(middle(rounds, lambda summary: summary.served.p99)),
        str(sum(map(not_served, rounds))),
    ]


def not_served(summary: Summary) -> int:
    return sum(summary.statuses.values()) - summary.statuses.get("200", 0)


def checks(alone: list[Figures], closed: dict[tuple[int, int], list[Summary]]) -> list[Check]:
    batch = middle(alone, lambda found: found["engine"]["batch"] / found["plain"]["batch"])
    one = middle(alone, lambda found: found["plain"]["one"] / found["engine"]["one"])
    limit = middle(alone, lambda found: found["engine"]["batch"] / found["limit"]["batch"])
    latents = middle(alone, lambda found: found["latents"]["one"]) * 1e6
    # Each round of the service against the engine right before and right after it.
    pairs = zip(closed[16, 16], alone, alone[1:], strict=False)
    share = statistics.median(
        2 * served.images_per_second / (before["engine"]["batch"] + after["engine"]["batch"])
        for served, before, after in pairs
    )
    p50 = middle(closed[1, 1], lambda summary: summary.served.p50)
    above = p50 - middle(alone, lambda found: found["engine"]["one"])
    failed = sum(summary.failed for rounds in closed.values() for summary in rounds)
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
