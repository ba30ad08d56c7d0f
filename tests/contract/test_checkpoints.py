"""A zoo of generators that are not what their (rightly hashed) manifests say: each is refused, the rest serves."""

import asyncio
import hashlib
import io
import json
import pickle
import shutil
import warnings
import zipfile

import pytest
import torch
from torch import Tensor, nn

from app.lifecycle import Lifecycle
from app.loading import open_registry
from app.settings import Settings
from app.telemetry import Telemetry

SIDE, Z_DIM = 8, 10
EXECUTED = "executed-by-a-pickle"


class Imposter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Linear(Z_DIM, 3 * SIDE * SIDE)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 3, 8, 8)


class TooSmall(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 3, 8, 8)[:, :, :7]


class TooManyChannels(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.zeros(z.shape[0], 4, 8, 8)


class ChannelsLast(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 8, 8, 3)


class AlwaysOne(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 3, 8, 8)[:1]


class NoBatch(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.layer(z[0])).view(3, 8, 8)


class AnotherLatent(Imposter):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(Z_DIM + 1, 3 * SIDE * SIDE)


class Pair(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        return z, label


class Number(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> int:
        return 3


class OneArgument(Imposter):
    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.layer(z)).view(-1, 3, 8, 8)


class ThreeArguments(Imposter):
    def forward(self, z: Tensor, label: Tensor, noise: Tensor) -> Tensor:
        return torch.tanh(self.layer(z) + noise).view(-1, 3, 8, 8)


class Raising(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        if z.shape[0] > 0:
            raise RuntimeError("not today")
        return z


class NotANumber(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.full((z.shape[0], 3, 8, 8), float("nan"))


class Infinite(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.full((z.shape[0], 3, 8, 8), float("inf"))


class Greedy(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.zeros(z.shape[0], 3, 1_073_741_824, 1_073_741_824)


class Dice(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.rand(z.shape[0], 3, 8, 8) * 2 - 1


class Integers(Imposter):
    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.zeros(z.shape[0], 3, 8, 8, dtype=torch.int64)


class UnknownClass(Imposter):
    """Its table ends before the first label."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(1, 3)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        return torch.tanh(self.table(label + 1))[:, :, None, None].expand(-1, -1, 8, 8)


class NoForward(nn.Module):
    @torch.jit.export
    def encode(self, x: Tensor) -> Tensor:
        return x


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


SCRIPTED = [
    Imposter,
    TooSmall,
    TooManyChannels,
    ChannelsLast,
    AlwaysOne,
    NoBatch,
    AnotherLatent,
    Pair,
    Number,
    OneArgument,
    ThreeArguments,
    Raising,
    NotANumber,
    Infinite,
    Greedy,
    Dice,
    Integers,
    UnknownClass,
    NoForward,
]
FILES = ["byte", "text", "noise", "half", "tail", "empty-zip", "other-zip", "no-code", "weights", "bomb", "zip-bomb"]
ZOO = [*FILES, *(kind.__name__.lower() for kind in SCRIPTED)]


def scripted(module):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(module.eval()), buffer)
    return buffer.getvalue()


def saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    return buffer.getvalue()


def zipped(entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def without(data, part):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist() if part not in name})


def zoo(sound, trap):
    return {
        "byte": b"\x80",
        "text": b"these are not weights\n" * 50,
        "noise": bytes((number * 7919) % 251 for number in range(5000)),
        "half": sound[: len(sound) // 2],
        "tail": sound[len(sound) // 2 :],
        "empty-zip": zipped({}),
        "other-zip": zipped({"word/document.xml": b"<xml/>"}),
        "no-code": without(sound, "code/"),
        "weights": saved(Imposter().state_dict()),
        "bomb": pickle.dumps(Bomb(trap)),
        "zip-bomb": saved(Bomb(trap)),
        **{kind.__name__.lower(): scripted(kind()) for kind in SCRIPTED},
    }


def place(sound, folder, name, generator):
    """A copy of a published model with another generator, correctly hashed."""
    shutil.copytree(sound, folder)
    (folder / "generator.pt").write_bytes(generator)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["name"] = name
    manifest["files"]["generator.pt"] = {"sha256": hashlib.sha256(generator).hexdigest(), "bytes": len(generator)}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def house(models_dir, tmp_path_factory):
    """The whole zoo and one sound model in one folder, loaded once as the service loads them."""
    folder = tmp_path_factory.mktemp("zoo")
    sound = models_dir / "avatars" / "1"
    animals = zoo((sound / "generator.pt").read_bytes(), str(folder / EXECUTED))
    assert list(animals) == ZOO
    for name, generator in animals.items():
        place(sound, folder / name / "1", name, generator)
    shutil.copytree(sound, folder / "avatars" / "1")
    settings = Settings(models_dir=folder, device="cpu", max_batch_size=4)
    registry = open_registry(settings, Lifecycle(), Telemetry())

    async def load_and_stop():
        await registry.reload()
        await registry.drain()
        registry.stop()

    asyncio.run(load_and_stop())
    return folder, registry


@pytest.mark.parametrize("name", ZOO)
def test_it_is_refused_in_one_sentence(house, name):
    reasons = {refused.model: refused.reason for refused in house[1].refused}
    reason = reasons[f"{name}@1"]
    assert "\n" not in reason
    assert 20 < len(reason) < 600


def test_the_sound_one_serves(house):
    assert [model.manifest.ref for model in house[1].models()] == ["avatars@1"]


def test_no_pickle_was_executed(house):
    assert not (house[0] / EXECUTED).exists()
