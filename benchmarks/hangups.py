"""A thousand clients that hang up while their images wait: none of those may be computed, their places free soon.

    python -m benchmarks.hangups [--clients 1000]        (about a minute)

One large request keeps the engine busy for the whole of its turn, meanwhile the others come, wait, and go.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import LOOPBACK, Service, serving
from benchmarks.tutorial import models_folder
from benchmarks.wire import Connection, Cut, connect, post

BLOCK = 1024  # images of the large request
_STEP_S = 0.002
_BEGIN_S = 0.1  # from the acceptance of a request until the engine is at it


@dataclass(frozen=True)
class Found:
    """queued: images that waited when all had come; free_s: after the last had gone, until all theirs were dropped."""

    queued: int
    computed: int
    cancelled: int
    free_s: float
    open_files_left: int
    block_status: int
    in_its_turn: bool


def main() -> int:
    parse = parser(__doc__, seconds=0)
    parse.add_argument("--clients", type=int, default=1000)
    parse.add_argument("--block", type=int, default=BLOCK, help="images of the request that keeps the engine busy")
    options = parse.parse_args()
    report = Report("hangups", f"{options.clients} clients that hang up while queued")
    settings = {"max_images": options.block, "max_batch_size": turn_of(options.block), "timeout_ms": 120_000}
    settings["max_queue_images"] = 2 * (options.block + options.clients)
    settings["max_pixels"] = 2**28
    with models_folder(options.models) as models, serving(models, **settings) as service:
        found = asyncio.run(hang_up(service, options.clients, options.block))
    if not found.in_its_turn:
        sys.exit("inconclusive: the large request was done before all had gone; this machine needs a larger --block")
    report.add(f"{found.queued} images waited when the clients hung up.")
    report.checks(
        Check("0 images of gone clients computed", str(found.computed), found.computed == 0),
        Check(f"{options.clients} images cancelled", str(found.cancelled), found.cancelled == options.clients),
        Check("places free within 100 ms", f"{milliseconds(found.free_s)} ms", found.free_s <= 0.1),
        Check("the neighbour is served", f"status {found.block_status}", found.block_status == 200),
        Check("their connections are closed", f"{found.open_files_left:+d} open files", found.open_files_left <= 0),
    )
    return report.write(options.results)


def turn_of(block: int) -> int:
    """The max_batch_size with which a request of `block` images is not cut: a client's next one follows when it is done
    (app/inference/fair_queue.py)."""
    return 2 * block


async def hang_up(service: Service, clients: int, block: int) -> Found:
    before = await metrics(service)
    neighbour = await connect(LOOPBACK, service.port)
    waiting = asyncio.create_task(neighbour.ask(post("/generate", {"n": block}, LOOPBACK)))
    await until(service, lambda now: now["requests_in_flight"] >= 2)  # it, and the look itself
    await asyncio.sleep(_BEGIN_S)
    gone = [await connect(LOOPBACK, service.port) for _ in range(clients)]
    asking = [asyncio.create_task(never_answered(connection)) for connection in gone]
    await until(
        service, lambda now: now["requests_in_flight"] >= clients + 2 or computed(now) - computed(before) >= block
    )
    queued = await metrics(service)  # the last was counted when it came, and waits by now
    for connection in gone:
        connection.hang_up()
    await asyncio.sleep(0)  # the sockets are closed in the loop's next turn
    left_at = time.monotonic()
    dropped = before["images_cancelled_total"] + clients
    after = await until(
        service, lambda now: now["images_cancelled_total"] >= dropped or computed(now) - computed(before) >= block
    )
    free_s = time.monotonic() - left_at
    await asyncio.gather(*asking)
    status = (await waiting).status
    neighbour.hang_up()
    await asyncio.sleep(1)  # whatever was computed wrongly has been computed by now
    end = await metrics(service)
    return Found(
        queued=int(queued["queue_images"]),
        computed=int(computed(end) - computed(before)) - block,
        cancelled=int(end["images_cancelled_total"] - before["images_cancelled_total"]),
        free_s=free_s,
        open_files_left=int(end["process_open_fds"] - before["process_open_fds"]),
        block_status=status,
        in_its_turn=computed(after) - computed(before) < block,
    )


async def never_answered(connection: Connection) -> None:
    try:
        answer = await connection.ask(post("/generate", {"n": 1}, LOOPBACK))
    except Cut:
        return
    print(f"answered {answer.status} before it hung up", file=sys.stderr)


async def until(service: Service, true: Callable[[dict[str, float]], bool]) -> dict[str, float]:
    """The first metrics of which this is true."""
    end = time.monotonic() + 60
    while not true(now := await metrics(service)):
        if time.monotonic() > end:
            raise TimeoutError(f"after 60 s: {now['queue_images']:.0f} wait, {now['requests_in_flight']:.0f} under way")
        await asyncio.sleep(_STEP_S)
    return now


async def metrics(service: Service) -> dict[str, float]:
    return await asyncio.to_thread(service.metrics)


def computed(metrics: dict[str, float]) -> float:
    """Images that forward passes were made of."""
    return metrics["batch_size_sum"]


if __name__ == "__main__":
    sys.exit(main())
