"""An engine that a test holds at a gate, and a batcher around it."""

import asyncio
import contextlib
import threading
import time

import numpy as np

from app.inference.batcher import Batcher

FAR = 60.0


class GatedEngine:
    """Image i of a request is its latent's first two numbers. `open()` lets everything pass."""

    def __init__(self, *, gated=True):
        self.batches = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Semaphore(0)
        self.gated = gated
        self.poison = set()
        self.fail_next = []

    def __call__(self, z, label):
        assert z.dtype == np.float32
        assert label.dtype == np.int64
        assert len(z) == len(label)
        self.batches.append([tuple(row) for row in z.astype(int).tolist()])
        self.entered.release()
        if self.gated:
            self.gate.acquire()
        if self.fail_next:
            raise self.fail_next.pop(0)
        if any(row[0] in self.poison for row in self.batches[-1]):
            raise RuntimeError("poisoned")
        return z.astype(np.uint8).reshape(len(z), 1, 1, 2)

    def open(self):
        self.gated = False
        self.gate.release()

    @property
    def computed(self):
        return [row for batch in self.batches for row in batch]


class Notes:
    """An observer that keeps what it is told."""

    def __init__(self):
        self.events = []

    def __getattr__(self, name):
        return lambda *args: self.events.append((name, *args))

    def of(self, name):
        return [event[1:] for event in self.events if event[0] == name]


def order(number, n):
    z = np.stack([np.full(n, number), np.arange(n)], axis=1).astype(np.float32)
    return z, np.full(n, number, np.int64)


def expected(number, n):
    return np.stack([np.full(n, number), np.arange(n)], axis=1).astype(np.uint8).reshape(n, 1, 1, 2)


def ask(batcher, number, n=1, *, client="me", seconds=FAR):
    return batcher.submit(*order(number, n), deadline=time.monotonic() + seconds, client=client)


def submit(batcher, number, n=1, *, client="me", seconds=FAR):
    return asyncio.ensure_future(ask(batcher, number, n, client=client, seconds=seconds))


async def entered(engine):
    """Wait until the engine is at its gate."""
    await asyncio.to_thread(engine.entered.acquire)
    await asyncio.sleep(0)


async def all_entered(engine, batches):
    async with asyncio.timeout(FAR):
        while len(engine.batches) < batches:
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def running(engine, **settings):
    batcher = Batcher(engine, **({"max_batch_size": 4} | settings))
    await batcher.start()
    try:
        yield batcher
    finally:
        engine.open()
        batcher.stop()
