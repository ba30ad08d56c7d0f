"""LitServe with request batching, as its documentation on batching and on response formats has it."""

from collections.abc import Sequence
from typing import Any

import litserve as ls
import numpy as np
from fastapi import Response

from benchmarks.servers.drawing import MAX_BATCH_SIZE, MAX_WAIT_S, Images, count, draw, load, png_grid, port


class GeneratorAPI(ls.LitAPI):
    def setup(self, device: Any) -> None:
        self.model = load()

    def decode_request(self, request: dict[str, Any]) -> int:
        return count(request)

    def batch(self, inputs: Sequence[int]) -> list[int]:
        return list(inputs)

    def predict(self, counts: list[int]) -> list[Images]:
        """One forward pass for all requests of the batch."""
        images = draw(self.model, sum(counts))
        return np.split(images, np.cumsum(counts)[:-1])

    def unbatch(self, output: list[Images]) -> list[Images]:
        return output

    def encode_response(self, output: Images) -> Response:
        return Response(png_grid(output), media_type="image/png")


if __name__ == "__main__":
    api = GeneratorAPI(max_batch_size=MAX_BATCH_SIZE, batch_timeout=MAX_WAIT_S, api_path="/generate")
    server = ls.LitServer(api, accelerator="cpu")
    server.run(host="127.0.0.1", port=port(), generate_client_file=False, log_level="warning")
