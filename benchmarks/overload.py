"""Ten times what the service can do, in an open loop: what is still served, what is refused and how, and what remains.

    python -m benchmarks.overload [--seconds 60]        (about 3 minutes)

Eight clients (API keys) ask for n images a request with a deadline each. Goodput counts images that were answered by
their deadline and before the flood was over, so that a long queue is no merit; its peak is the mean of a closed loop
before and one after, because machines change their speed. Afterwards a lone client asks for single images, to see when
the service is as it was.
"""

import math
import statistics
import sys
import threading
from typing import Any

from benchmarks import client
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser, stolen_s
from benchmarks.service import Service, serving
from benchmarks.tutorial import models_folder

N, TIMES = 16, 10
TIMEOUT_MS = 2000
PEAK_S = 30.0  # both together as long as the flood: a window of 14 s tells it within 3 %
CLIENTS = [f"benchmark-client-{index}" for index in range(8)]
UNLIKE = 2_000  # requests of a client until the first comes again: more than the service remembers of all of them
PROBE_S = 6.0
SETTLED = 100  # single requests in a row, about half a second: one in a hundred is slow on a quiet machine as well
MEBIBYTE = 2**20


def main() -> int:
    arguments = parser(__doc__, seconds=60)
    arguments.add_argument("--unlike", action="store_true", help="other seeds each time: none is remembered")
    options = arguments.parse_args()
    name, manner = ("overload-unlike", "other seeds each time, ") if options.unlike else ("overload", "")
    report = Report(name, f"{TIMES} times overload, open loop, {manner}{options.seconds:.0f} s")
    with models_folder(options.models) as models, serving(models, api_keys=",".join(CLIENTS)) as service:
        (idle,) = client.measure(service.port, probe(0.0))
        with Watch(service) as first:  # it takes its share of the machine, as in the flood
            peaks = [capacity(service, min(PEAK_S, options.seconds))]
        rate = TIMES * peaks[0].images_per_second / N
        before = service.metrics()["process_resident_memory_bytes"]
        streams = [*flood(rate, options.seconds, options.unlike), probe(options.seconds)]
        process = client.start(Plan(service.port, streams))
        with Watch(service) as watch:
            *flooded, after = client.collect(process)
        ready = service.ready()
        with Watch(service) as last:
            peaks.append(capacity(service, min(PEAK_S, options.seconds)))
    report.table(*table(peaks, flooded, options.seconds))
    report.add(f"Answers by status: {by_status(flooded)} (0: cut, -1: no connection).")
    report.add(
        f"A lone n=1 request before: p50 {milliseconds(idle.served.p50)} ms, p99 {milliseconds(idle.served.p99)} ms; "
        f"resident memory {before / MEBIBYTE:.0f} MiB, at most {watch.most_bytes / MEBIBYTE:.0f} MiB during it."
    )
    report.add(
        f"Processor seconds that the machine's host took for others: {first.stolen_s:.1f} at the first peak, "
        f"{watch.stolen_s:.1f} in the flood, {last.stolen_s:.1f} at the last peak."
    )
    growth = (watch.most_bytes - before) / MEBIBYTE
    report.checks(*checks(peaks, flooded, options.seconds), *aftermath(growth, recovery(idle, after, options.seconds)))
    report.checks(Check("never unready", f"{watch.unready} of {watch.seen} probes", ready and watch.unready == 0))
    return report.write(options.results)


def capacity(service: Service, seconds: float) -> Summary:
    """A closed loop of the same requests, just enough of them to saturate."""
    stream = Stream("peak", [{"n": N}], 16, seconds + 2, headers=as_client(0), warm_up_s=2)
    return client.measure(service.port, stream)[0]


def flood(rate: float, seconds: float, unlike: bool = False) -> list[Stream]:
    body: dict[str, Any] = {"n": N, "timeout_ms": TIMEOUT_MS}
    bodies = [{**body, "seed": seed} for seed in range(UNLIKE)] if unlike else [body]
    return [
        Stream(key, bodies, 400, seconds, headers=as_client(index), rate=rate / len(CLIENTS), keep_records=True)
        for index, key in enumerate(CLIENTS)
    ]


def probe(start_s: float) -> Stream:
    headers = as_client(0)
    return Stream("probe", [{"n": 1}], 1, PROBE_S, headers=headers, start_s=start_s, keep_records=True)


def as_client(index: int) -> dict[str, str]:
    return {"X-API-Key": CLIENTS[index]}


class Watch:
    """Resident memory and readiness of the service, four times a second, for as long as the `with` block lasts.

    stolen_s: processor seconds that somebody else had meanwhile on the machine's host.
    """

    def __init__(self, service: Service) -> None:
        self.most_bytes = 0.0
        self.stolen_s = -stolen_s()
        self.seen = self.unready = 0
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stolen_s += stolen_s()
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.25):
            self.most_bytes = max(self.most_bytes, self._service.metrics()["process_resident_memory_bytes"])
            self.seen += 1
            self.unready += not self._service.ready()


def in_time(summaries: list[Summary], end: float) -> int:
    """Images answered by their deadline, counted from when the request was due, and by the end of the flood."""
    records = [record for summary in summaries for record in summary.records]
    limit = TIMEOUT_MS / 1000
    return int(sum(n for due, done, status, n in records if status == 200 and done - due <= limit and done <= end))


def total(summaries: list[Summary], status: str) -> int:
    return sum(summary.statuses.get(status, 0) for summary in summaries)


def by_status(summaries: list[Summary]) -> str:
    statuses = sorted({status for summary in summaries for status in summary.statuses})
    return ", ".join(f"{status}: {total(summaries, status):,}" for status in statuses)


def recovery(idle: Summary, after: Summary, end: float) -> float:
    """Seconds after the overload until single requests are served as before (twice the p99 of then, at most), SETTLED
    of them in a row; infinite if they never are."""
    normal = 2 * idle.served.p99
    recovered, in_a_row = 0.0, 0
    for due, done, status, _ in after.records:
        if status == 200 and done - due <= normal:
            in_a_row += 1
            if in_a_row == SETTLED:
                return recovered
        else:
            recovered, in_a_row = done - end, 0
    return math.inf


def table(peaks: list[Summary], flooded: list[Summary], seconds: float) -> tuple[list[str], list[list[str]]]:
    offered = sum(sum(summary.statuses.values()) for summary in flooded)
    others = offered - sum(total(flooded, status) for status in ("200", "429", "503"))
    served = [done - due for summary in flooded for due, done, status, _ in summary.records if status == 200]
    row = [
        f"{TIMES}x",
        f"{offered / seconds:.0f}",
        " and ".join(f"{peak.images_per_second:.0f}" for peak in peaks),
        f"{in_time(flooded, seconds) / seconds:.0f}",
        str(total(flooded, "200")),
        str(total(flooded, "429") + total(flooded, "503")),
        str(others),
        milliseconds(sorted(served)[len(served) // 2]) if served else "-",
    ]
    headings = [
        "load",
        "requests/s",
        "images/s at its peak, before and after",
        "images/s in time",
        "served",
        "refused",
        "others",
    ]
    return [*headings, "p50 ms of served"], [row]


def checks(peaks: list[Summary], flooded: list[Summary], seconds: float) -> list[Check]:
    peak = statistics.mean(peak.images_per_second for peak in peaks)
    goodput = in_time(flooded, seconds) / seconds / max(1e-9, peak)
    slowest = max(summary.served.p99 for summary in flooded)
    refusal = max(summary.turned_away.p99 for summary in flooded)
    silent = sum(summary.without_retry_after for summary in flooded)
    failed = sum(summary.failed for summary in flooded)
    return [
        Check("goodput >= 95% of the peak", f"{goodput:.1%}", goodput >= 0.95),
        Check(
            f"p99 of accepted <= {TIMEOUT_MS} ms, their deadline",
            f"{milliseconds(slowest)} ms (the slowest client's)",
            slowest <= TIMEOUT_MS / 1000,
        ),
        Check("every refusal carries Retry-After", f"{silent} without", silent == 0),
        Check("p99 of refusals <= 50 ms", f"{milliseconds(refusal)} ms (the slowest client's)", refusal <= 0.05),
        Check("no accepted request fails or misses its deadline", f"{failed} did", failed == 0),
    ]


def aftermath(growth: float, seconds: float) -> list[Check]:
    return [
        Check("resident memory grows by <= 50 MB", f"{growth:+.1f} MiB", growth <= 50 / 1.048576),
        Check("normal within 2 s after", f"{seconds:.2f} s", seconds <= 2),
    ]


if __name__ == "__main__":
    sys.exit(main())
