"""A data set of 20,000 images as one ZIP: how fast, in how much memory, and what a reader that stops or leaves costs.

    python -m benchmarks.archive [--images 20000]        (about 90 seconds)

The rate to compare with is that of many requests for 16 images at a time, before and after, as `load` measures it.
"""

import http.client
import json
import socket
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import client
from benchmarks.overload import MEBIBYTE, Watch
from benchmarks.plan import Stream
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder

IMAGES = 20_000
BATCH = 64  # TESSERA_MAX_BATCH_SIZE as it is by default
N, CONNECTIONS, WARM_UP_S = 16, 16, 2.0
_PAUSED_BY_S, _LONGEST_PAUSE_S = 7.0, 8.0  # after ten seconds of nothing the service cuts a reader off
_READ_BYTES = 262_144


@dataclass(frozen=True)
class Read:
    """first_s, took_s: until the first byte of the body, and to its end."""

    first_s: float
    took_s: float
    bytes: int
    files: int
    damaged: str | None


def main() -> int:
    parse = parser(__doc__, seconds=8)
    parse.add_argument("--images", type=int, default=IMAGES)
    options = parse.parse_args()
    report = Report("archive", f"{options.images:,} images as one ZIP")
    with models_folder(options.models) as models, serving(models) as service:
        before = saturated(service, options.seconds)
        resident = service.metrics()["process_resident_memory_bytes"]
        with Watch(service) as watch:
            read = whole(service, options.images)
        after = saturated(service, options.seconds)
        ahead, until_s = pause(service, options.images)
        free_s, made_after = leave(service, options.images, options.images // 2)
    rate, peak = options.images / read.took_s, (before + after) / 2
    report.table(
        ["", "images/s", "seconds", "MB"],
        [
            [f"n={N}, {CONNECTIONS} connections, before", f"{before:.0f}", f"{options.seconds:.0f}", ""],
            ["the archive", f"{rate:.0f}", f"{read.took_s:.1f}", f"{read.bytes / 1e6:.0f}"],
            [f"n={N}, {CONNECTIONS} connections, after", f"{after:.0f}", f"{options.seconds:.0f}", ""],
        ],
    )
    growth = (watch.most_bytes - resident) / 1e6
    report.add(f"Resident memory of the service {resident / MEBIBYTE:.0f} MiB before the archive.")
    report.checks(
        Check(f"every one of {options.images:,} files whole", f"{read.files:,} files, damaged: {read.damaged}",
              read.files == options.images and read.damaged is None),
        Check(">= 0.9 of the saturated rate", f"{rate / peak:.2f}", rate >= 0.9 * peak),
        Check("resident memory grows by <= 100 MB", f"{growth:+.1f} MB", growth <= 100),
        Check("first byte within 1 s", f"{milliseconds(read.first_s)} ms", read.first_s <= 1),
        Check("a reader that stops stops it", f"after {ahead:.0f} images, {until_s:.1f} s", until_s <= _PAUSED_BY_S),
        Check("left half-way it frees its work within 1 s", f"{milliseconds(free_s)} ms", free_s <= 1),
        Check("and ends with the pass under way", f"{made_after:.0f} images more", made_after <= BATCH),
    )  # fmt: skip
    return report.write(options.results)


def saturated(service: Service, seconds: float) -> float:
    """Images per second."""
    stream = Stream("load", [{"n": N}], CONNECTIONS, seconds + WARM_UP_S, warm_up_s=WARM_UP_S)
    (summary,) = client.measure(service.port, stream)
    return summary.images_per_second


@contextmanager
def archive(service: Service, images: int) -> Iterator[http.client.HTTPResponse]:
    """Its answer; whatever of it has not been read at the end is hung up on."""
    connection = http.client.HTTPConnection(LOOPBACK, service.port, timeout=60)
    body = json.dumps({"n": images, "seed": 0})
    connection.request("POST", "/generate/archive", body, {"Content-Type": "application/json"})
    with connection.sock, connection.getresponse() as answer:
        yield answer
        if not answer.isclosed():
            connection.sock.shutdown(socket.SHUT_RDWR)


def whole(service: Service, images: int) -> Read:
    with TemporaryDirectory(prefix="tessera-bench-") as folder:
        file = Path(folder) / "archive.zip"
        began = time.perf_counter()
        with archive(service, images) as answer, file.open("wb") as kept:
            kept.write(answer.read1(1))
            first_s = time.perf_counter() - began
            while part := answer.read1(_READ_BYTES):
                kept.write(part)
        took_s = time.perf_counter() - began
        with zipfile.ZipFile(file) as read:
            rows = read.read("metadata.jsonl").splitlines()
            named = {json.loads(row)["file_name"] for row in rows} & set(read.namelist())
            return Read(first_s, took_s, file.stat().st_size, len(named), read.testzip())


def pause(service: Service, images: int) -> tuple[float, float]:
    """For a reader that has stopped: images made until none was for a second, and seconds until then.

    What is made ahead, and what the buffers of the sockets hold: on loopback some megabytes.
    """
    with archive(service, images) as answer:
        read_images(answer, 2 * N)
        stopped_at = changed_at = time.monotonic()
        before = last = computed(service)
        while (now := time.monotonic()) - changed_at < 1 and now - stopped_at < _LONGEST_PAUSE_S:
            time.sleep(0.05)
            if (made := computed(service)) != last:
                last, changed_at = made, now
        return last - before, changed_at - stopped_at


def leave(service: Service, images: int, read: int) -> tuple[float, float]:
    """After a reader of so many has gone: seconds until nothing waits for it, and images whose pass ended later."""
    with archive(service, images) as answer:
        read_images(answer, read)
        before = computed(service)
    left_at = time.perf_counter()
    until(lambda: service.metrics()["queue_images"] == 0 and service.metrics()["requests_in_flight"] <= 1)
    free_s = time.perf_counter() - left_at
    time.sleep(1)
    return free_s, computed(service) - before


def read_images(answer: http.client.HTTPResponse, images: int) -> None:
    found = 0
    tail = b""
    while found < images:
        part = answer.read1(_READ_BYTES)
        found += (tail + part).count(b"PK\3\4")
        tail = part[-3:]


def computed(service: Service) -> float:
    return service.metrics()["batch_size_sum"]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("not within 60 s")
        time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main())
