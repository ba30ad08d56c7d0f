"""Ten times what the service can do, in an open loop: what is still served, what is refused and how, and what remains.

    python -m benchmarks.overload [--seconds 60] [--rounds 5]        (about 9 minutes)

Eight clients (API keys) ask for n images a request with a deadline each. Goodput counts images that were answered by
their deadline and before the flood was over, so that a long queue is no merit; its peak is the mean of a closed loop
before and one after. Machines change their speed by more than what is to be told, within a minute: so floods and peaks
take turns, and the goodput is the median of the rounds; everything else holds in all of them. After each flood a lone
client asks for single images, to see when the service is as it was.
"""

import math
import statistics
import sys
import threading
from dataclasses import dataclass
from typing import Any

from benchmarks import client
from benchmarks.plan import Plan, Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser, stolen_s
from benchmarks.service import Service, serving
from benchmarks.tutorial import models_folder

N, TIMES = 16, 10
TIMEOUT_MS = 2000
PEAK_S = 30.0  # two are as long as the flood between them
CLIENTS = [f"benchmark-client-{index}" for index in range(8)]
UNLIKE = 2_000  # requests of a client until the first comes again: more than the service remembers of all of them
PROBE_S = 6.0
SETTLED = 100  # single requests in a row, about half a second: one in a hundred is slow on a quiet machine as well
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Flood:
    """clients: what came of their requests. lone: of those of the lone client, afterwards. ready: so was the service
    then."""

    seconds: float
    clients: list[Summary]
    lone: Summary
    watch: "Watch"
    ready: bool

    @property
    def images_per_second(self) -> float:
        """Answered by their deadline, counted from when the request was due, and by the end of the flood."""
        records = [record for client in self.clients for record in client.records]
        limit = TIMEOUT_MS / 1000
        return (
            sum(n for due, done, status, n in records if status == 200 and done - due <= limit and done <= self.seconds)
            / self.seconds
        )


def main() -> int:
    arguments = parser(__doc__, seconds=60)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--unlike", action="store_true", help="other seeds each time: none is remembered")
    options = arguments.parse_args()
    name, manner = ("overload-unlike", "other seeds each time, ") if options.unlike else ("overload", "")
    report = Report(name, f"{TIMES} times overload, open loop, {manner}{options.rounds} x {options.seconds:.0f} s")
    with models_folder(options.models) as models, serving(models, api_keys=",".join(CLIENTS)) as service:
        (idle,) = client.measure(service.port, probe(0.0))
        stolen = -stolen_s()
        peaks = [capacity(service, min(PEAK_S, options.seconds))]
        before = service.metrics()["process_resident_memory_bytes"]
        floods: list[Flood] = []
        for _ in range(options.rounds):
            floods.append(drown(service, TIMES * peaks[-1] / N, options.seconds, options.unlike))
            peaks.append(capacity(service, min(PEAK_S, options.seconds)))
        stolen += stolen_s()
    most = max(flood.watch.most_bytes for flood in floods)
    report.table(*table(peaks, floods))
    report.add(f"Answers by status: {by_status(everybody(floods))} (0: cut, -1: no connection).")
    report.add(
        f"A lone n=1 request before: p50 {milliseconds(idle.served.p50)} ms, p99 {milliseconds(idle.served.p99)} ms; "
        f"resident memory {before / MEBIBYTE:.0f} MiB, at most {most / MEBIBYTE:.0f} MiB in a flood."
    )
    report.add(f"Processor seconds that the machine's host took for others meanwhile: {stolen:.1f}.")
    recovered = max(recovery(idle, flood.lone, flood.seconds) for flood in floods)
    report.checks(*checks(peaks, floods), *aftermath((most - before) / MEBIBYTE, recovered), always_ready(floods))
    return report.write(options.results)


def capacity(service: Service, seconds: float) -> float:
    """Images per second in a closed loop of the same requests, just enough of them to saturate."""
    stream = Stream("peak", [{"n": N}], 16, seconds + 2, headers=as_client(0), warm_up_s=2)
    with Watch(service):  # it takes its share of the machine, as in the flood
        return client.measure(service.port, stream)[0].images_per_second


def drown(service: Service, rate: float, seconds: float, unlike: bool) -> Flood:
    load = client.start(Plan(service.port, [*flood(rate, seconds, unlike), probe(seconds)]))
    with Watch(service) as watch:
        *clients, lone = client.collect(load)
    return Flood(seconds, clients, lone, watch, service.ready())


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
    """Resident memory and readiness of the service, four times a second, for as long as the `with` block lasts."""

    def __init__(self, service: Service) -> None:
        self.most_bytes = 0.0
        self.seen = self.unready = 0
        self._service = service
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.25):
            self.most_bytes = max(self.most_bytes, self._service.metrics()["process_resident_memory_bytes"])
            self.seen += 1
            self.unready += not self._service.ready()


def everybody(floods: list[Flood]) -> list[Summary]:
    return [client for flood in floods for client in flood.clients]


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


def table(peaks: list[float], floods: list[Flood]) -> tuple[list[str], list[list[str]]]:
    headings = [
        "load",
        "requests/s",
        "images/s at its peak, before and after",
        "images/s in time",
        "of the peak",
        "served",
        "refused",
        "others",
        "p50 ms of served",
    ]
    return headings, [row(*around) for around in zip(peaks, floods, peaks[1:], strict=False)]


def row(before: float, flood: Flood, after: float) -> list[str]:
    offered = sum(sum(client.statuses.values()) for client in flood.clients)
    served, refused = (sum(total(flood.clients, status) for status in group) for group in (["200"], ["429", "503"]))
    waits = sorted(done - due for client in flood.clients for due, done, status, _ in client.records if status == 200)
    return [
        f"{TIMES}x",
        f"{offered / flood.seconds:.0f}",
        f"{before:.0f} and {after:.0f}",
        f"{flood.images_per_second:.0f}",
        f"{goodput(before, flood, after):.1%}",
        str(served),
        str(refused),
        str(offered - served - refused),
        milliseconds(waits[len(waits) // 2]) if waits else "-",
    ]


def goodput(before: float, flood: Flood, after: float) -> float:
    return flood.images_per_second / max(1e-9, (before + after) / 2)


def checks(peaks: list[float], floods: list[Flood]) -> list[Check]:
    clients = everybody(floods)
    kept = statistics.median(goodput(*around) for around in zip(peaks, floods, peaks[1:], strict=False))
    slowest = max(client.served.p99 for client in clients)
    refusal = max(client.turned_away.p99 for client in clients)
    silent = sum(client.without_retry_after for client in clients)
    failed = sum(client.failed for client in clients)
    return [
        Check("goodput >= 95% of the peak", f"{kept:.1%}, median of {len(floods)}", kept >= 0.95),
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


def always_ready(floods: list[Flood]) -> Check:
    seen, unready = (sum(counts) for counts in zip(*((f.watch.seen, f.watch.unready) for f in floods), strict=True))
    ready = unready == 0 and all(flood.ready for flood in floods)
    return Check("never unready", f"{unready} of {seen} probes", ready)


if __name__ == "__main__":
    sys.exit(main())
