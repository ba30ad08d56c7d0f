"""Models come and go under load: each request is answered by the model it found, and what left keeps no memory."""

import asyncio
import shutil
import time
import weakref

import numpy as np
import pytest

from app.errors import UnknownModel
from app.inference.latents import latents
from app.lifecycle import Lifecycle
from app.loading import open_registry
from app.registry.proof import golden_images
from app.registry.store import verify
from app.settings import Settings
from app.telemetry import Telemetry

SEEDS = np.arange(16, dtype=np.uint32)
CLIENTS, DEADLINE_S, TOLERANCE = 4, 60.0, 2


@pytest.fixture
def house(models_dir, tmp_path):
    """A models folder with avatars@1, a place to add @2 from, a registry, and what each version must answer."""
    for version in ("1", "2"):
        shutil.copytree(models_dir / "avatars" / version, tmp_path / "waiting" / "avatars" / version)
    folder = tmp_path / "models"
    shutil.copytree(models_dir / "avatars" / "1", folder / "avatars" / "1")
    settings = Settings(models_dir=folder, device="cpu", max_batch_size=4)
    registry = open_registry(settings, Lifecycle(), Telemetry())
    golden = {number: golden_images(verify(models_dir / "avatars" / str(number))) for number in (1, 2)}
    return folder, tmp_path / "waiting", registry, golden


async def ask_for_ever(registry, answers, stop):
    z, labels = latents(SEEDS, 10), np.zeros(16, np.int64)
    while not stop.is_set():
        served = registry.get("avatars")
        await asyncio.sleep(0)  # as the service does between looking a model up and submitting to it
        images = await served.batcher.submit(z, labels, deadline=time.monotonic() + DEADLINE_S, client="load")
        answers.append((served.manifest.version, images))


async def until(answers, version):
    """Until the next few answers are of this version."""
    seen = len(answers)
    while len(answers) < seen + 3 * CLIENTS or answers[-1][0] != version:
        await asyncio.sleep(0.001)


def test_nothing_is_lost_and_nothing_mixed_up_while_versions_change(house):
    folder, waiting, registry, golden = house
    answers = []

    async def story():
        await registry.reload()
        stop = asyncio.Event()
        load = [asyncio.create_task(ask_for_ever(registry, answers, stop)) for _ in range(CLIENTS)]
        await until(answers, 1)
        (waiting / "avatars" / "2").rename(folder / "avatars" / "2")
        assert (await registry.reload()).loaded == ("avatars@2",)
        await until(answers, 2)
        second = weakref.ref(registry.get("avatars@2").engine)
        (folder / "avatars" / "2").rename(waiting / "gone")
        assert (await registry.reload()).removed == ("avatars@2",)
        await until(answers, 1)
        stop.set()
        await asyncio.gather(*load)  # raises what any client was refused with
        with pytest.raises(UnknownModel):
            registry.get("avatars@2")
        assert second() is None
        await registry.drain()
        registry.stop()

    asyncio.run(story())
    assert {version for version, _ in answers} == {1, 2}
    for version, images in answers:
        assert np.abs(images.astype(int) - golden[version]).max() <= TOLERANCE
    assert np.abs(golden[1].astype(int) - golden[2]).max() > 50
