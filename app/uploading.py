"""From an uploaded file to a code: may this model encode, decoded in a thread of its own, encoded in the queue."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from app.errors import CannotEncode
from app.images.decode import decode_upload
from app.images.fitting import Fit, fitted
from app.mixing import Float32s
from app.pipeline import Pipeline

if TYPE_CHECKING:
    from app.registry.registry import ServedModel

# One file of 16 MP may take 200 MB and a second while it is decoded; few at a time, whoever sends them.
_DECODERS = 2


class Uploads:
    """For one event loop."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._decoders = ThreadPoolExecutor(_DECODERS, thread_name_prefix="decode")

    def model(self, ref: str | None) -> "ServedModel":
        """Raises UnknownModel, NotLoaded, Unavailable; CannotEncode if this model has no encoder."""
        self._pipeline.require_ready()
        served = self._pipeline.find(ref)
        if "encode" not in served.manifest.capabilities:
            raise CannotEncode(
                f"{served.manifest.ref} cannot encode images; GET /models lists what a model can", "model"
            )
        return served

    async def code(self, served: "ServedModel", file: bytes, fit: Fit, *, deadline: float, client: str) -> Float32s:
        """The code, float32 [z_dim], of a PNG, JPEG or WebP file, brought to the model's size and channels.

        Raises PayloadTooLarge, UnsupportedMedia, InvalidField for the file, and what Pipeline.encode raises.
        """
        image = served.manifest.image
        take = partial(fitted, shape=(image.height, image.width, image.channels), fit=fit)
        pixels = await asyncio.get_running_loop().run_in_executor(self._decoders, decode_upload, file, take)
        return await self._pipeline.encode(served, pixels, deadline=deadline, client=client)

    def close(self) -> None:
        self._decoders.shutdown(wait=False, cancel_futures=True)
