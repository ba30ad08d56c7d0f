"""Writes a small published model that really generates."""

import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from app.inference.latents import latents

Z_DIM, SIDE = 8, 16
SEEDS = list(range(16))


class Painter(nn.Module):
    """z and label -> 16x16 RGB; untrained, but each seed and each class looks different.

    beyond: where z's first number is larger, it looks for a class that there is not: an error on a CPU, and on a GPU
    the end of the context.
    """

    def __init__(self, num_classes: int, beyond: float) -> None:
        super().__init__()
        self.beyond = beyond
        self.z_dim = Z_DIM
        self.num_classes = num_classes
        self.first = nn.Linear(Z_DIM, 8 * 4 * 4)
        self.classes = nn.Embedding(max(1, num_classes), 8 * 4 * 4)
        self.second = nn.ConvTranspose2d(8, 8, 4, 2, 1)
        self.third = nn.ConvTranspose2d(8, 3, 4, 2, 1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        trapped = (z[:, 0] > self.beyond).long()
        x = torch.relu(self.first(z) + self.classes(label + 1_000_000 * trapped)).view(-1, 8, 4, 4)
        return torch.tanh(self.third(torch.relu(self.second(x))))


def publish(
    models_dir: Path, name: str, version: int = 1, classes: tuple[str, ...] = (), beyond: float = 1000.0
) -> Path:
    torch.manual_seed(sum(name.encode()) + version)
    painter = Painter(len(classes), beyond).eval()
    folder = models_dir / name / str(version)
    folder.mkdir(parents=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated upstream
        torch.jit.script(painter).save(str(folder / "generator.pt"))
    labels = [i % len(classes) for i in SEEDS] if classes else None
    _golden(painter, labels).save(folder / "golden.png")
    _golden(painter, labels).save(folder / "preview.png")
    (folder / "MODEL_CARD.md").write_text("# Painter\n")
    (folder / "manifest.json").write_text(json.dumps(_manifest(folder, name, version, classes, labels)))
    return folder


def trapped(models_dir: Path) -> int:
    """Writes a model `trap` and gives the one seed that it fails on."""
    first = latents(np.arange(5000, dtype=np.uint32), Z_DIM)[:, 0]
    seed = int(first.argmax())
    publish(models_dir, "trap", beyond=float(first[seed]) - 1e-3)
    return seed


def _golden(painter: Painter, labels: list[int] | None) -> Image.Image:
    z = torch.from_numpy(latents(np.array(SEEDS, np.uint32), Z_DIM))
    with torch.no_grad():
        images = painter(z, torch.tensor(labels or [0] * len(SEEDS)))
    tiles = ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    return Image.fromarray(tiles.reshape(4, 4, SIDE, SIDE, 3).swapaxes(1, 2).reshape(4 * SIDE, 4 * SIDE, 3))


def _manifest(
    folder: Path, name: str, version: int, classes: tuple[str, ...], labels: list[int] | None
) -> dict[str, object]:
    files = {
        file.name: {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}
        for file in sorted(folder.iterdir())
    }
    return {
        "schema_version": 1,
        "format": "torchscript",
        "name": name,
        "version": version,
        "family": "dcgan",
        "created": "2026-01-02T03:04:05Z",
        "files": files,
        "latent": {"dim": Z_DIM, "distribution": "normal", "mean": None},
        "image": {"height": SIDE, "width": SIDE, "channels": 3},
        "classes": list(classes),
        "capabilities": ["generate"],
        "golden": {"seeds": SEEDS, "labels": labels, "columns": 4, "padding": 0, "tolerance": 2},
        "training": {
            "dataset": {"name": "none", "sha256": "0" * 64, "count": 2, "held_out": 1},
            "recipe": "none",
            "config": {},
            "seed": 0,
            "images_seen": 0,
            "seconds": 0.0,
            "cpu_hours": 0.0,
            "commit": "",
            "device": "cpu",
            "versions": {},
        },
        "metrics": {},
        "memorisation": {"verdict": "not-audited", "summary": ""},
        "licence": {"data": "CC0-1.0", "weights": "CC0-1.0"},
    }
