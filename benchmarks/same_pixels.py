"""A seed is an image: alone, at every slot of a batch, under ten times overload, and after a restart.

    python -m benchmarks.same_pixels [--draws 10000]        (about 5 minutes)

Each image is the SHA-256 of its decoded pixels; the first drawing, alone on an idle service, is what the others must
equal.
"""

import asyncio
import hashlib
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import uvloop
from PIL import Image

from benchmarks import client
from benchmarks.plan import Plan, Stream
from benchmarks.report import Check, Report, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder
from benchmarks.wire import Answer, Connection, Cut, connect, post

BATCH, COLUMNS = 64, 8
SEED = 1_000_000
MEASURED, FLOOD = "pixels-client", "flood-client"
OVERLOAD = 10

Digest = bytes
Drawn = list[tuple[int, Digest]]  # seed, digest of its pixels


def main() -> int:
    parse = parser(__doc__, seconds=10)
    parse.add_argument("--draws", type=int, default=10_000)
    options = parse.parse_args()
    report = Report("same_pixels", f"{options.draws} seeds drawn again and again")
    seeds = range(SEED, SEED + options.draws)
    drawn: dict[str, Drawn] = {}
    with models_folder(options.models) as models:
        settings = {"api_keys": f"{MEASURED},{FLOOD}"}
        with serving(models, **settings) as service:
            expected = dict(draw(service, alone(seeds), connections=1))
            drawn["in grids of 64"] = draw(service, grids(seeds, BATCH), connections=4)
            drawn["64 seeds at each of 64 slots"] = draw(service, rotations(seeds[:BATCH]), connections=4)
            with flooded(service, min(options.seconds, 10.0)):
                drawn[f"alone, beside {OVERLOAD}x overload"] = draw(service, alone(seeds), connections=32)
        with serving(models, **settings) as service:
            drawn["after a restart, in grids of 16"] = draw(service, grids(seeds, 16), connections=8)
    different = len(set(expected.values()))
    report.add(f"{len(expected)} seeds gave {different} different images.")
    checks = [Check("different seeds give different images", str(different), different == len(expected))]
    for how, found in drawn.items():
        wrong = sum(expected[seed] != digest for seed, digest in found)
        covered = len({seed for seed, _ in found})
        checks.append(Check(f"{how}: identical", f"{wrong} of {len(found)} differ ({covered} seeds)", wrong == 0))
    report.checks(*checks)
    return report.write(options.results)


def alone(seeds: Sequence[int]) -> list[list[int]]:
    return [[seed] for seed in seeds]


def grids(seeds: Sequence[int], n: int) -> list[list[int]]:
    return [list(seeds[start : start + n]) for start in range(0, len(seeds), n)]


def rotations(seeds: Sequence[int]) -> list[list[int]]:
    """The same seeds in every cyclic order: each of them once at each slot."""
    return [[*seeds[shift:], *seeds[:shift]] for shift in range(len(seeds))]


def draw(service: Service, requests: Iterable[list[int]], *, connections: int) -> Drawn:
    """Every request answered, whatever it takes: a refused one is asked again."""
    return uvloop.run(_draw(service, list(requests), connections))


async def _draw(service: Service, requests: list[list[int]], connections: int) -> Drawn:
    left = iter(requests)
    drawn: Drawn = []
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as decoder:

        async def one() -> None:
            connection = await connect(LOOPBACK, service.port, keep_bodies=True)
            for seeds in left:
                answer = await until_served(connection, seeds)
                drawn.extend(zip(seeds, await loop.run_in_executor(decoder, digests, answer, len(seeds)), strict=True))
            connection.hang_up()

        await asyncio.gather(*(one() for _ in range(connections)))
    return drawn


async def until_served(connection: Connection, seeds: list[int]) -> Answer:
    body: dict[str, Any] = {"seeds": seeds, "padding": 0, "columns": COLUMNS}
    request = post("/generate", body, LOOPBACK, {"X-API-Key": MEASURED})
    while (answer := await connection.ask(request)).status in (429, 503):
        await asyncio.sleep(min(1.0, float(answer.headers["retry-after"])))
    if answer.status != 200:
        raise Cut(f"seeds {seeds} were answered {answer.status}: {answer.body[:300]!r}")
    return answer


def digests(answer: Answer, n: int) -> list[Digest]:
    """One a tile, row by row."""
    with Image.open(io.BytesIO(answer.body)) as file:
        grid = np.asarray(file)
    columns = min(n, COLUMNS)
    side = grid.shape[1] // columns
    tiles = (divmod(index, columns) for index in range(n))
    return [
        hashlib.sha256(grid[row * side : (row + 1) * side, column * side : (column + 1) * side].tobytes()).digest()
        for row, column in tiles
    ]


@contextmanager
def flooded(service: Service, seconds: float) -> Iterator[None]:
    """Another client sends ten times what the service can do, for as long as the `with` block lasts."""
    headers = {"X-API-Key": FLOOD}
    peak = Stream("peak", [{"n": 16}], 16, seconds, headers=headers, warm_up_s=seconds / 4)
    (summary,) = client.measure(service.port, peak)
    rate = OVERLOAD * max(1.0, summary.images_per_second) / 16
    flood = Stream("flood", [{"n": 16, "timeout_ms": 2000}], 400, 3600.0, headers=headers, rate=rate)
    load = client.start(Plan(service.port, [flood]))
    try:
        yield
    finally:
        client.give_up(load)


if __name__ == "__main__":
    sys.exit(main())
