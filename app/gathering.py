"""Latents of requests that arrive together, computed together.

Array operations on one seed cost as much as on thirty. Requests that reach this point in one turn of the event loop
(under load: many) share one call, for which each waits until the next turn. Who is alone does not.
"""

import asyncio

import numpy as np
from numpy.typing import NDArray

from app.inference.latents import labels_for, latents

Drawn = tuple[NDArray[np.float32], NDArray[np.int64]]

# From here on a request gains nothing from company.
_ENOUGH = 32


class Gathering:
    """For one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], list[tuple[NDArray[np.uint32], asyncio.Future[Drawn]]]] = {}

    async def draw(self, seeds: NDArray[np.uint32], z_dim: int, num_classes: int, *, alone: bool = False) -> Drawn:
        """z float32 [n, z_dim] of the seeds, and the class int64 [n] that each draws (zeros without classes).

        alone: nothing else is on its way that it could share a call with."""
        if alone or seeds.size >= _ENOUGH:
            return latents(seeds, z_dim), labels_for(seeds, num_classes)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Drawn] = loop.create_future()
        together = self._waiting.setdefault((z_dim, num_classes), [])
        if not together:
            loop.call_soon(self._compute, z_dim, num_classes)
        together.append((seeds, future))
        return await future

    def _compute(self, z_dim: int, num_classes: int) -> None:
        together = self._waiting.pop((z_dim, num_classes))
        seeds = np.concatenate([seeds for seeds, _ in together])
        z, drawn = latents(seeds, z_dim), labels_for(seeds, num_classes)
        start = 0
        for own, future in together:
            end = start + own.size
            if not future.done():  # its client may have gone meanwhile
                future.set_result((z[start:end], drawn[start:end]))
            start = end
