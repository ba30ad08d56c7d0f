"""mosec with dynamic batching in the stage that computes and a stage of its own for the PNG, as in its examples."""

import os
import sys
from typing import Any

import numpy as np
from mosec import Server, ValidationError, Worker

from benchmarks.servers.drawing import MAX_BATCH_SIZE, MAX_WAIT_S, Images, count, draw, load, png_grid, port


class Generate(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = load()

    def deserialize(self, data: bytes) -> int:
        try:
            return count(super().deserialize(data))
        except ValueError as error:
            raise ValidationError(str(error)) from error

    def forward(self, data: list[int]) -> list[Images]:
        return np.split(draw(self.model, sum(data)), np.cumsum(data)[:-1])


class Encode(Worker):
    resp_mime_type = "image/png"

    def forward(self, data: Images) -> bytes:
        return png_grid(data)

    def serialize(self, data: Any) -> bytes:
        return bytes(data)


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", str(port()), "--timeout", "60000"]
    server = Server()
    server.append_worker(
        Generate, max_batch_size=MAX_BATCH_SIZE, max_wait_time=round(MAX_WAIT_S * 1000), route="/generate"
    )
    server.append_worker(Encode, num=os.cpu_count() or 1, route="/generate")
    server.run()
