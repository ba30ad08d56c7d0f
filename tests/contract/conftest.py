"""Models as the trainer publishes them: tiny, untrained, but with every part a real one has."""

import io
import json
import threading
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
import uvicorn
from PIL import Image
from torch import Tensor, nn

from app import server
from app.lifecycle import Lifecycle
from app.main import create_app
from app.settings import Settings
from training.facts import Dataset, Metric, TrainingFacts
from training.publish import publish

SIDE = 8
LICENCES = {"data_licence": "CC0-1.0", "weights_licence": "CC0-1.0"}


class TinyGenerator(nn.Module):
    """Each layer that real generators are made of, once: linear, embedding, norm, upsampling, both convolutions."""

    def __init__(self, num_classes: int = 0, channels: int = 3, z_dim: int = 10) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.z_dim, self.num_classes, self.img_resolution, self.img_channels = z_dim, num_classes, SIDE, channels
        self.start = nn.Linear(z_dim, 16 * 2 * 2)
        self.classes = nn.Embedding(max(1, num_classes), 16)
        self.norm = nn.BatchNorm2d(16)
        self.up = nn.ConvTranspose2d(16, 12, 4, 2, 1)
        self.smooth = nn.Conv2d(12, 12, 3, padding=1)
        self.end = nn.Conv2d(12, channels, 3, padding=1)
        with torch.no_grad():
            self.norm.running_mean.normal_()
            self.norm.running_var.uniform_(0.5, 2)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        x = self.start(z).view(-1, 16, 2, 2) + self.classes(label)[:, :, None, None]
        x = torch.relu(self.up(torch.relu(self.norm(x))))
        x = nn.functional.leaky_relu(self.smooth(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")), 0.2)
        return torch.tanh(4 * self.end(x))


class TinyAutoencoder(TinyGenerator):
    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10] * 2


def facts(classes: tuple[str, ...] = (), **more) -> TrainingFacts:
    return TrainingFacts(
        **{"family": "tessera-gan"} | more,
        dataset=Dataset("drawings", "0" * 64, count=100, held_out=10),
        recipe="tessera",
        config={"lr": 2e-4, "betas": [0.0, 0.99], "note": None},
        seed=0,
        images_seen=640,
        seconds=12.5,
        cpu_hours=0.007,
        commit="",
        device="cpu",
        versions={"torch": torch.__version__},
        classes=classes,
        metrics={"kid_open_nsfw": Metric(0.42, 0.01, "1" * 64), "psnr": Metric(22.0)},
    )


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory) -> Path:
    """avatars@1 and @2 (RGB), fashion@1 (grey, three classes), faces@1 (RGBA, can encode)."""
    folder = tmp_path_factory.mktemp("models")
    second = TinyGenerator()
    nn.init.normal_(second.end.weight)
    publish(TinyGenerator(), facts(), folder, "avatars", **LICENCES)
    publish(second, facts(latent_mean=tuple([0.25] * 10)), folder, "avatars", **LICENCES)
    publish(TinyGenerator(3, channels=1), facts(("shirt", "shoe", "bag")), folder, "fashion", **LICENCES)
    publish(TinyAutoencoder(channels=4), facts(family="autoencoder"), folder, "faces", **LICENCES)
    return folder


@pytest.fixture
def manifest(models_dir):
    """The parsed manifest of fashion@1, to be changed at will."""
    return json.loads((models_dir / "fashion" / "1" / "manifest.json").read_text("utf-8"))


@contextmanager
def serving(models_dir):
    """The whole service on the loopback, its models loaded and proved; gives a client of it."""
    settings = Settings(host="127.0.0.1", port=0, models_dir=models_dir, device="cpu", max_batch_size=4)
    lifecycle = Lifecycle()
    instance = server.Server(create_app(settings, lifecycle=lifecycle), settings, lifecycle)
    thread = threading.Thread(target=uvicorn.Server.run, args=(instance,))
    thread.start()
    try:
        while not instance.started:
            assert thread.is_alive()
            thread.join(0.01)
        port = instance.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        instance.should_exit = True
        thread.join()


def decoded(response):
    """The pixels of an answer, uint8 [H, W, C]."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(response.content)) as picture:
        return np.asarray(picture).reshape(picture.height, picture.width, -1)


@pytest.fixture(scope="session")
def serve():
    return serving


@pytest.fixture(scope="session")
def decode():
    return decoded


@pytest.fixture(scope="session")
def facts_of():
    """facts(classes=(), **more) -> TrainingFacts."""
    return facts
