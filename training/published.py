"""A published model read back by the trainer: checked against its manifest before TorchScript sees a byte."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from training.export import load
from training.manifest import FILE, check, fingerprint
from training.networks.generator import ImageGenerator


@dataclass(frozen=True)
class Published:
    manifest: dict[str, Any]
    generator: ImageGenerator


def read_published(folder: Path) -> Published:
    """models/NAME/VERSION. Raises FileNotFoundError where there is none, ValueError for one that is damaged."""
    if not (folder / FILE).is_file():
        raise FileNotFoundError(f"{folder}: not a published model (it has no {FILE}); give models/NAME/VERSION")
    try:
        manifest = json.loads((folder / FILE).read_bytes())
    except ValueError as error:
        raise ValueError(f"{folder / FILE} is no JSON: {error}") from error
    check(manifest)
    data = (folder / "generator.pt").read_bytes()
    if fingerprint(data) != manifest["files"]["generator.pt"]:
        raise ValueError(f"{folder / 'generator.pt'} is not the file that its manifest names")
    kind = _ScriptedEncoder if "encode" in manifest["capabilities"] else _Scripted
    return Published(manifest, kind(load(data), manifest))


class _Scripted(ImageGenerator):
    """TorchScript keeps no account of what it takes; the manifest does."""

    def __init__(self, module: nn.Module, manifest: dict[str, Any]) -> None:
        super().__init__()
        self.module = module
        self.z_dim = manifest["latent"]["dim"]
        self.num_classes = len(manifest["classes"])
        self.img_resolution = manifest["image"]["height"]
        self.img_channels = manifest["image"]["channels"]

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        images: Tensor = self.module(z, label)
        return images


class _ScriptedEncoder(_Scripted):
    def encode(self, x: Tensor) -> Tensor:
        z: Tensor = self.module.encode(x)  # type: ignore[operator]
        return z
