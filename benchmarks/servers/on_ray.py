"""Ray Serve with dynamic request batching, as its guide on that has it."""

import os
import signal
from typing import Any

import numpy as np
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.servers.drawing import MAX_BATCH_SIZE, MAX_WAIT_S, Images, count, draw, load, png_grid, port

CORES = os.cpu_count() or 1


# Ray gives a replica as many OpenMP threads as it asked for processors. The guide on batching wants more ongoing
# requests than a batch holds, or batches never fill.
@serve.deployment(ray_actor_options={"num_cpus": CORES}, max_ongoing_requests=4 * MAX_BATCH_SIZE)
class Generator:
    def __init__(self) -> None:
        self.model = load()

    @serve.batch(max_batch_size=MAX_BATCH_SIZE, batch_wait_timeout_s=MAX_WAIT_S)
    async def generate(self, counts: list[int]) -> list[Images]:
        return np.split(draw(self.model, sum(counts)), np.cumsum(counts)[:-1])

    async def __call__(self, request: Request) -> Response:
        images: Any = await self.generate(count(await request.json()))
        return Response(png_grid(images), media_type="image/png")


if __name__ == "__main__":
    ray.init(num_cpus=CORES, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": port()})
    serve.run(Generator.bind(), route_prefix="/generate")
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
