"""GET /images: a remembered image and a 304 beside a route of constant bytes, and what a crowd of misses costs.

    python -m benchmarks.image_urls        (about a minute)

The three take turns under the same closed loop. The route of constant bytes (servers/constant.py) is plain FastAPI
under the same uvicorn settings, and sends as many bytes as the image has.
"""

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks import client
from benchmarks.plan import Stream
from benchmarks.report import Check, Report, parser
from benchmarks.service import LOOPBACK, Server, Service, free_port, serving
from benchmarks.tutorial import NAME, models_folder
from benchmarks.wire import Answer, connect, get

CONNECTIONS, CROWD, TURNS = 32, 1_000, 3
IMAGE = f"/images/{NAME}@1/somebody.png"
CONSTANT = "/constant.png"


def main() -> int:
    parse = parser(__doc__, seconds=4)
    parse.add_argument("--crowd", type=int, default=CROWD, help="requests for one image at once (%(default)s)")
    options = parse.parse_args()
    report = Report("image_urls", "GET /images beside constant bytes")
    with models_folder(options.models) as models, serving(models) as service:
        tag, size = look(service)
        with constant(size) as plain:
            cases: dict[str, tuple[Server, str, Mapping[str, str], str]] = {
                f"constant, {size} bytes": (plain, CONSTANT, {}, "200"),
                "remembered": (service, IMAGE, {}, "200"),
                "304": (service, IMAGE, {"If-None-Match": tag}, "304"),
            }
            found = {name: [] for name in cases}  # type: dict[str, list[float]]
            for _ in range(TURNS):
                for name, case in cases.items():
                    found[name].append(rate(*case, options.seconds))
        slots, answers = asyncio.run(crowd(service, options.crowd))
    best, remembered, unchanged = (sum(rates) / TURNS for rates in found.values())
    headings = ["answer", *(f"requests/s, turn {turn + 1}" for turn in range(TURNS)), "mean"]
    rows = [[name, *(f"{one:.0f}" for one in rates), f"{sum(rates) / TURNS:.0f}"] for name, rates in found.items()]
    report.table(headings, rows)
    statuses = {answer.status for answer in answers}
    same = len({answer.body for answer in answers}) == 1 and statuses == {200}
    report.checks(
        Check("a remembered image: >= 0.8 of constant bytes", f"{remembered / best:.2f}", remembered >= 0.8 * best),
        Check("304: >= 0.8 of constant bytes", f"{unchanged / best:.2f}", unchanged >= 0.8 * best),
        Check(f"{len(answers):,} misses at once cost one image", f"{slots:.0f} computed", slots == 1),
        Check("and all get it", f"statuses {sorted(statuses)}, {'the same' if same else 'different'} bytes", same),
    )
    return report.write(options.results)


@contextmanager
def constant(size: int) -> Iterator[Server]:
    port = free_port()
    environment = {"BODY_BYTES": str(size), "TESSERA_HOST": LOOPBACK, "TESSERA_PORT": str(port)}
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.servers.constant"]
        server = Server(command, port, environment, Path(folder) / "log")
        try:
            server.wait_until(lambda: server.ask("GET", CONSTANT)[0] == 200)
            yield server
        finally:
            server.stop()


def look(service: Service) -> tuple[str, int]:
    """The tag and the size of the image, which is remembered from now on."""
    answer = asyncio.run(one(service, IMAGE))
    assert answer.status == 200, answer
    return answer.headers["etag"], answer.size


async def one(service: Service, path: str) -> Answer:
    connection = await connect(LOOPBACK, service.port, keep_bodies=True)
    try:
        return await connection.ask(get(path, LOOPBACK))
    finally:
        connection.hang_up()


def rate(server: Server, path: str, headers: Mapping[str, str], status: str, seconds: float) -> float:
    """Answers of this status per second; any other answer is an error."""
    stream = Stream("load", [], CONNECTIONS, seconds + 1, path=path, headers=headers, warm_up_s=1)
    (summary,) = client.measure(server.port, stream)
    if set(summary.statuses) != {status}:
        raise RuntimeError(f"{path} was answered {summary.statuses}, not {status}")
    return summary.statuses[status] / summary.seconds


async def crowd(service: Service, size: int) -> tuple[float, list[Answer]]:
    """Images computed for so many requests for one that nobody has asked for yet, and their answers."""
    before = (await asyncio.to_thread(service.metrics))["batch_size_sum"]
    waiting = [await connect(LOOPBACK, service.port, keep_bodies=True) for _ in range(size)]
    answers = await asyncio.gather(*(each.ask(get(f"/images/{NAME}@1/crowd.png", LOOPBACK)) for each in waiting))
    for each in waiting:
        each.hang_up()
    return (await asyncio.to_thread(service.metrics))["batch_size_sum"] - before, answers


if __name__ == "__main__":
    sys.exit(main())
