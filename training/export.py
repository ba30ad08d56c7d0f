"""A generator as the bytes of generator.pt. With app/inference/engine.py the only place that knows TorchScript."""

import copy
import io
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from training.latents import latent

PARITY_BATCHES = (1, 3, 8)
MAX_DIFFERENCE = 1e-5
"""Of outputs in [-1, 1]; a level of 0..255 is 8e-3."""

_ENCODE = "encode"
# Where the code stood on the machine that scripted it, and a hash over that: nothing that loading needs. Without them
# the digest of a model is a function of its code and weights alone.
_NOT_SHIPPED = (".debug_pkl", ".data/serialization_id")


class ExportError(Exception):
    """The generator cannot be published as it is; the message says why."""


def export(generator: nn.Module) -> bytes:
    """TorchScript of `generator`: eval, CPU, float32, unfrozen, any batch; with `encode` if it has that method.

    generator: attributes z_dim, num_classes, img_resolution, img_channels;
        forward(z float32 [B, z_dim], label int64 [B]) -> [B, C, R, R]. It is copied, not changed.
    Raises ExportError if it cannot be scripted, or if what was saved does not compute the same images as `generator`
    at batches of 1, 3 and 8, or computes other images each time or in another batch.
    """
    eager = copy.deepcopy(generator).to("cpu", torch.float32).eval().requires_grad_(False)
    data = _scripted(eager)
    _check(eager, load(data))
    return data


def load(data: bytes) -> torch.jit.ScriptModule:
    """The module inside generator.pt, on the CPU."""
    with _deprecation_known():
        module: torch.jit.ScriptModule = torch.jit.load(io.BytesIO(data), map_location="cpu")
    return module


def capabilities(module: nn.Module) -> list[str]:
    return ["generate", _ENCODE] if hasattr(module, _ENCODE) else ["generate"]


@contextmanager
def _deprecation_known() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", FutureWarning)
        yield


def _scripted(eager: nn.Module) -> bytes:
    buffer = io.BytesIO()
    try:
        with _deprecation_known():
            if hasattr(eager, _ENCODE):
                # Scripting follows forward alone; what else it is to take with it must be marked.
                torch.jit.export(getattr(type(eager), _ENCODE))
            torch.jit.save(torch.jit.script(eager), buffer)
    except Exception as error:  # torch raises a dozen unrelated classes here
        raise ExportError(f"{type(eager).__name__} cannot be scripted: {error}") from error
    return _without_traces(buffer.getvalue())


def _without_traces(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        for entry in source.infolist():
            if not entry.filename.endswith(_NOT_SHIPPED):
                target.writestr(zipfile.ZipInfo(entry.filename), source.read(entry))
    return buffer.getvalue()


@torch.no_grad()
def _check(eager: nn.Module, saved: nn.Module) -> None:
    z, labels = _inputs(eager)
    whole = saved(z, labels)
    for batch in (*PARITY_BATCHES, *PARITY_BATCHES):  # twice: the second call of a shape may run optimised code
        try:
            _check_batch(eager, saved, z[:batch], labels[:batch], whole[:batch])
        except RuntimeError as error:
            raise ExportError(f"the exported generator fails at batch {batch}: {error}") from error


def _check_batch(eager: nn.Module, saved: nn.Module, z: Tensor, labels: Tensor, together: Tensor) -> None:
    images = saved(z, labels)
    expected = (len(z), eager.img_channels, eager.img_resolution, eager.img_resolution)
    if tuple(images.shape) != expected or images.dtype != torch.float32:
        raise ExportError(f"the generator gives {images.dtype} {tuple(images.shape)}, not float32 {expected}")
    _compare(images, eager(z, labels), f"the exported generator computes other images at batch {len(z)}")
    _compare(images, together, f"an image depends on its batch or on chance, seen at batch {len(z)}")
    if hasattr(eager, _ENCODE):
        _check_encode(eager, saved, images, z.shape[1])


def _check_encode(eager: Any, saved: Any, images: Tensor, z_dim: int) -> None:
    z = saved.encode(images)
    if tuple(z.shape) != (len(images), z_dim) or z.dtype != torch.float32:
        raise ExportError(f"encode gives {z.dtype} {tuple(z.shape)}, not float32 {(len(images), z_dim)}")
    _compare(z, eager.encode(images), f"the exported encode computes other latents at batch {len(images)}")


def _inputs(eager: Any) -> tuple[Tensor, Tensor]:
    for name in ("z_dim", "num_classes", "img_resolution", "img_channels"):
        if not isinstance(getattr(eager, name, None), int):
            raise ExportError(f"{type(eager).__name__} has no whole number `{name}`")
    count = max(PARITY_BATCHES)
    z = torch.tensor([latent(seed, eager.z_dim) for seed in range(count)], dtype=torch.float32)
    return z, torch.arange(count) % max(1, eager.num_classes)


def _compare(found: Tensor, expected: Tensor, complaint: str) -> None:
    difference = (found - expected).abs().max().item()
    if not difference <= MAX_DIFFERENCE:  # also true of NaN
        raise ExportError(f"{complaint}: off by {difference:.3g}, at most {MAX_DIFFERENCE:g} is allowed")
