"""A polite client beside one that sends ten times as much: does it keep its fair share?

    python -m benchmarks.fairness [--seconds 20]        (about 90 seconds)

Both are API keys and ask in an open loop. The fair share of two clients is half of what the service can do. The polite
one asks for exactly that, then for half of it; the greedy one for ten times as much as the polite one each time.
"""

import sys

from benchmarks import client
from benchmarks.plan import Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import Service, serving
from benchmarks.tutorial import models_folder

N = 4
TIMEOUT_MS = 2000
POLITE, GREEDY = "polite-client", "greedy-client"
WARM_UP_S = 3.0
SHARES = (1.0, 0.5)  # of its fair share, what the polite client asks for


def main() -> int:
    options = parser(__doc__, seconds=20).parse_args()
    report = Report("fairness", "A polite client beside one that sends ten times as much")
    with models_folder(options.models) as models, serving(models, api_keys=f"{POLITE},{GREEDY}") as service:
        peak = capacity(service, min(10.0, options.seconds))
        fair = peak / 2
        found = {share: beside(service, share * fair, options.seconds) for share in SHARES}
    report.add(
        f"At its peak the service makes {peak:.0f} images/s, so the fair share of each of the two is {fair:.0f}."
    )
    rows, checks = [], []
    for share, (polite, greedy) in found.items():
        for summary, asked in ((polite, share * fair), (greedy, 10 * share * fair)):
            rows.append(row(f"{summary.name}, polite asks for {share:.0%} of its share", summary, asked))
        kept = polite.images_per_second / (share * fair)
        promise = f"polite client asks for {share:.0%} of its fair share: gets >= 90% of that"
        checks.append(Check(promise, f"{kept:.1%}", kept >= 0.9))
    report.table(["client", "asks for images/s", "gets images/s", "refused", "failed", "p50 ms", "p99 ms"], rows)
    report.checks(*checks)
    return report.write(options.results)


def capacity(service: Service, seconds: float) -> float:
    """Images per second in a closed loop of the same requests, both clients at work."""
    streams = [
        Stream(key, [{"n": N}], 16, seconds + WARM_UP_S, headers={"X-API-Key": key}, warm_up_s=WARM_UP_S)
        for key in (POLITE, GREEDY)
    ]
    return sum(summary.images_per_second for summary in client.measure(service.port, *streams))


def beside(service: Service, asked: float, seconds: float) -> tuple[Summary, Summary]:
    """asked: images per second of the polite client."""
    streams = [
        Stream(
            key,
            [{"n": N, "timeout_ms": TIMEOUT_MS}],
            400,
            seconds + WARM_UP_S,
            headers={"X-API-Key": key},
            rate=times * asked / N,
            warm_up_s=WARM_UP_S,
        )
        for key, times in ((POLITE, 1), (GREEDY, 10))
    ]
    polite, greedy = client.measure(service.port, *streams)
    return polite, greedy


def row(name: str, summary: Summary, asked: float) -> list[str]:
    refused = sum(summary.statuses.get(status, 0) for status in ("429", "503"))
    figures = [f"{asked:.0f}", f"{summary.images_per_second:.0f}", str(refused), str(summary.failed)]
    return [name, *figures, milliseconds(summary.served.p50), milliseconds(summary.served.p99)]


if __name__ == "__main__":
    sys.exit(main())
