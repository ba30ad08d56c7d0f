"""Engines that paint and batchers that only remember: models in every state without a network."""

import asyncio
import io
import json
import threading

import numpy as np
from PIL import Image

from app.errors import DeviceLost

SIDE = 8


def paint(z, label, slope, channels=3):
    """uint8 [N, 8, 8, channels]: the latent as brightness, one colour a dimension."""
    tone = np.clip(128 + slope * z[:, :channels] + label[:, None], 0, 255).astype(np.uint8)
    return np.broadcast_to(tone[:, None, None, :], (len(z), SIDE, SIDE, channels)).copy()


class Painter:
    """An engine whose generator.pt is JSON: {"slope": ...} and how it is to misbehave."""

    def __init__(self, model, calls):
        self.model, self.calls = model, calls
        self.program = json.loads(model.generator)
        self.warm = False
        self._misbehave("build")

    def _misbehave(self, stage):
        self.calls.append((stage, self.model.manifest.ref, threading.current_thread() is threading.main_thread()))
        failure = self.program.get(stage)
        if failure:
            raise {"loss": DeviceLost, "reject": RuntimeError, "memory": MemoryError}[failure](f"{stage} failed\ntrace")

    def warm_up(self):
        self._misbehave("warm_up")
        self.warm = True

    def forward(self, z, label):
        assert self.warm
        self._misbehave("forward")
        off = self.program.get("off", 0)
        images = paint(z, label, self.program["slope"]).astype(np.int16)
        images[3, 0, 0, 0] += off
        return images.astype(np.uint8)[: self.program.get("images", 16)]

    def encode(self, images):
        codes = np.zeros((len(images), self.program.get("code", 4)), np.float32)
        return codes + np.float32(self.program.get("code_value", 0))


class Queue:
    """A batcher that only remembers what became of it."""

    def __init__(self, ref, on_drain=None):
        self.ref, self.on_drain, self.states = ref, on_drain, []

    async def start(self):
        self.states.append("started")

    async def drain(self):
        await asyncio.sleep(0)
        if self.on_drain:
            self.on_drain(self.ref)
        self.states.append("drained")

    def stop(self):
        self.states.append("stopped")


def grid(tiles):
    return tiles.reshape(4, 4, SIDE, SIDE, -1).swapaxes(1, 2).reshape(4 * SIDE, 4 * SIDE, -1)


def png(image, **options):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="png", **options)
    return buffer.getvalue()


def refs(registry):
    return [model.manifest.ref for model in registry.models()]


def reload(registry):
    return asyncio.run(registry.reload())


def reason(registry):
    (refused,) = registry.refused
    assert "\n" not in refused.reason
    return refused.reason
