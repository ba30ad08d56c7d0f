"""The engine on a real GPU: what test_graphs.py cannot know without one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from app.inference.acceptance import GeneratorSpec
from app.inference.engine import Engine
from app.inference.observer import Silent
from tests.app.inference.drawn import assert_same_in_every_batch, levels_off, order

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this host has no GPU that PyTorch can use")

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", autouse=True)
def settings_of_before():
    """What an engine on a GPU sets for the whole process."""
    parts = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [part.fp32_precision for part in parts]
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True
    for part, precision in zip(parts, before, strict=True):
        part.fp32_precision = precision


@pytest.fixture(scope="module")
def engine(network, make_generator):
    made = Engine(make_generator(network), network.spec, "cuda", max_batch_size=16)
    made.warm_up()
    return made


def test_images_are_those_of_the_published_module_on_a_cpu(engine, network):
    z, label = order(network.spec, 40)
    assert levels_off(engine.forward(z, label), network, z, label) <= 0.5 + 127.5 * 2e-5
    assert engine.fallback == ""
    assert engine.device_class == torch.cuda.get_device_name()
    assert engine.memory_bytes > 0
    assert engine.lanes == 1


def test_a_seed_gives_the_same_pixels_in_every_batch_at_every_slot(engine, network):
    assert_same_in_every_batch(engine, network.spec)


def test_a_second_engine_gives_the_same_pixels(engine, network, make_generator):
    other = Engine(make_generator(network), network.spec, "cuda", max_batch_size=16)
    other.warm_up()
    z, label = order(network.spec, 9)
    np.testing.assert_array_equal(other.forward(z, label), engine.forward(z, label))


def test_long_sums_are_full_float32(networks, make_generator):
    """TensorFloat-32 would round each factor to eleven bits: off by several levels of 255 here and there."""
    network = networks["randomised"](networks["broad"]())
    made = Engine(make_generator(network), network.spec, "cuda", max_batch_size=16)
    made.warm_up()
    z, label = order(network.spec, 16)
    with torch.inference_mode():
        floats = network.double()(torch.from_numpy(z).double(), torch.from_numpy(label))
    network.float()
    exact = np.clip((floats.numpy().transpose(0, 2, 3, 1) + 1) * 127.5, 0, 255)
    assert np.abs(made.forward(z, label) - exact).max() <= 0.5 + 127.5 * 1e-4


def test_a_code_is_the_same_each_time_and_near_the_cpus(networks, make_generator):
    network = networks["randomised"](networks["encoding"]())
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    codes = {}
    for device in ("cpu", "cuda"):
        made = Engine(make_generator(network), network.spec, device, max_batch_size=4)
        made.warm_up()
        codes[device] = made.encode(images)
        np.testing.assert_array_equal(made.encode(images), codes[device])
    np.testing.assert_allclose(codes["cuda"], codes["cpu"], atol=1e-5)


def test_an_engine_serves_undisturbed_while_another_is_captured(engine, network, make_generator):
    z, label = order(network.spec, 16)
    expected = engine.forward(z, label)
    ended, wrong = threading.Event(), []

    def serve():
        while not ended.is_set():
            try:
                if not np.array_equal(engine.forward(z, label, here=True), expected):
                    wrong.append("other pixels")
            except Exception as error:
                wrong.append(repr(error))
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        other = Engine(make_generator(network), network.spec, "cuda", max_batch_size=16)
        other.warm_up()
    finally:
        ended.set()
        thread.join()
    assert wrong == []
    np.testing.assert_array_equal(other.forward(z, label), expected)


class Hungry(nn.Module):
    """16 MiB an image on the way to an image of 16 x 16."""

    spec = GeneratorSpec(8, 16, 16, 3, 0)

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 4 * 16 * 16)
        self.wide = nn.Conv2d(4, 64, 1)
        self.last = nn.Conv2d(64, 3, 1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.first(z).view(-1, 4, 16, 16)
        x = torch.relu(self.wide(functional.interpolate(x, size=[256, 256])))
        return torch.tanh(functional.avg_pool2d(self.last(x), 16))


class Counting(Silent):
    splits = 0

    def oom_split(self):
        self.splits += 1


@pytest.mark.parametrize("room", [150, 400, 900])
def test_what_does_not_fit_into_memory_is_computed_in_halves(networks, make_generator, room):
    """room: MiB of the GPU that this process may have beyond what it has."""
    network = networks["randomised"](Hungry())
    observer = Counting()
    made = Engine(make_generator(network), network.spec, "cuda", max_batch_size=64, observer=observer)
    z, label = order(network.spec, 64)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(made.device).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + (room << 20)) / total)
    try:
        images = made.forward(z, label)
        splits = observer.splits
        assert splits >= 1
        assert made.buckets[-1] < 64
        np.testing.assert_array_equal(made.forward(z, label), images)
        assert observer.splits == splits  # remembered
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert levels_off(images, network, z, label) <= 0.5 + 127.5 * 2e-5


BROKEN = """
import io, os
import numpy as np, torch
from torch import nn
from app.errors import DeviceLost
from app.inference.acceptance import GeneratorSpec
from app.inference.engine import Engine


class Trap(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(4, 3 * 8 * 8)

    def forward(self, z: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.table((z[:, 0] > 50.0).long() * 1000000 + label)).view(-1, 3, 8, 8)


buffer = io.BytesIO()
torch.jit.save(torch.jit.script(Trap()), buffer)
engine = Engine(buffer.getvalue(), GeneratorSpec(4, 8, 8, 3, 4), "cuda", max_batch_size=4)
engine.warm_up()
z, label = np.zeros((4, 4), np.float32), np.zeros(4, np.int64)
engine.forward(z, label)
z[2, 0] = 100.0
for _ in range(2):
    try:
        engine.forward(z, label)
    except DeviceLost as loss:
        print("lost:", loss, flush=True)
os._exit(3)
"""


def test_a_sticky_fault_is_a_lost_device(tmp_path):
    """In a process of its own: no CUDA context survives it."""
    script = tmp_path / "broken.py"  # TorchScript reads the source of its classes
    script.write_text(BROKEN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 3, done.stderr
    assert done.stdout.count("lost: ") == 2, done.stdout + done.stderr
    assert "CUDA error" in done.stdout
