"""python -m app bench: what this host makes of a model, and how far that is from what its arithmetic allows.

The limit is the measured rate of float32 matrix products over the multiplications that the model asks for as published.
An engine that needs fewer of them (upsampling folded into convolutions) may pass it.
"""

import argparse
import hashlib
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.inference.acceptance import GeneratorSpec, examples
from app.inference.cores import on_all_cores
from app.inference.engine import Engine
from app.inference.packing import onednn_available

Encode = Callable[[NDArray[np.uint8]], bytes]  # uint8 [H, W, C] -> the bytes of a file

SIDES = {"cpu": 1024, "cuda": 4096}  # of the matrices whose product has the best rate
_TILES = 8  # along each side of the grid that is encoded


@dataclass(frozen=True)
class Published:
    name: str
    generator: bytes
    spec: GeneratorSpec


def main(arguments: Sequence[str], encode: Encode | None = None) -> int:
    """Prints the report. Returns an exit code: 2 if there is no such model. encode: measured too if given."""
    parser = argparse.ArgumentParser(prog="python -m app bench", description="Measures this host on a published model.")
    models = os.environ.get("TESSERA_MODELS_DIR", "models")
    parser.add_argument("--models", type=Path, default=models, help="folder of published models (default: %(default)s)")
    parser.add_argument("--model", default="", help="name or name@version (default: the first)")
    parser.add_argument("--device", default=os.environ.get("TESSERA_DEVICE", "auto"), help="auto, cpu, cuda, cuda:N")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure (default: %(default)s)")
    parser.add_argument("--max-batch-size", type=int, default=64, help="largest batch (default: %(default)s)")
    options = parser.parse_args(arguments)
    try:
        published = find(options.models, options.model)
        for line in report(published, options.device, options.max_batch_size, options.seconds, encode):
            print(line, flush=True)
    except (OSError, ValueError, LookupError) as error:
        print(f"python -m app bench: {error}")
        return 2
    return 0


def find(models: Path, wanted: str) -> Published:
    """The highest version of `wanted` ("name" or "name@version"; empty: of the first name). Raises LookupError if there
    is none, ValueError if its generator is not the one that its manifest names, OSError."""
    name, _, version = wanted.partition("@")
    found = sorted(models.glob("*/*/manifest.json"), key=lambda path: (path.parts[-3], -int(path.parts[-2])))
    for path in found:
        if name in ("", path.parts[-3]) and version in ("", path.parts[-2]):
            return _read(path)
    known = ", ".join(f"{path.parts[-3]}@{path.parts[-2]}" for path in found)
    raise LookupError(f"no model {wanted or 'at all'} in {models}; there is {known or 'none'}")


def report(published: Published, device: str, max_batch_size: int, seconds: float, encode: Encode | None = None) -> Any:
    """Yields lines for people, each as soon as it is known."""
    engine = Engine(published.generator, published.spec, device, max_batch_size=max_batch_size)
    engine.warm_up()
    millions = engine.multiplications / 1e6
    yield f"{published.name} on {engine.device_class}, {engine.lanes} at a time, {engine.batching} batches"
    yield f"served as published: {engine.fallback}" if engine.fallback else "faster form, equal to the published one"
    rate = _products_per_second(engine, seconds)
    limit = rate / engine.multiplications if engine.multiplications else 0.0
    allowed = f", {limit:,.0f} images/s" if limit else ""
    yield f"limit: {millions:,.1f} M multiplications an image, {2 * rate / 1e9:,.0f} GFLOP/s of products{allowed}"
    yield f"{'batch':>7}{'images/s':>12}{'ms a batch':>12}{'of limit':>10}"
    for size in sorted({1, 2, 4, 8, 16, 32, 64, max_batch_size}):
        if size <= max_batch_size:
            per_batch = statistics.median(_times(_forward(engine, size), seconds))
            share = f"{size / per_batch / limit:.0%}" if limit else "?"
            yield f"{size:>7}{size / per_batch:>12,.0f}{per_batch * 1e3:>12.2f}{share:>10}"
    alone = sorted(_times(_forward(engine, 1), seconds))
    slow = alone[int(len(alone) * 0.99)]
    yield f"one image: median {statistics.median(alone) * 1e3:.2f} ms, 99% within {slow * 1e3:.2f} ms"
    if encode is not None:
        yield _encoder(engine, seconds, encode)


def _read(manifest: Path) -> Published:
    facts = json.loads(manifest.read_text(encoding="utf-8"))
    generator = (manifest.parent / "generator.pt").read_bytes()
    if hashlib.sha256(generator).hexdigest() != facts["files"]["generator.pt"]["sha256"]:
        raise ValueError(f"{manifest.parent / 'generator.pt'} is not the file that its manifest names")
    image = facts["image"]
    spec = GeneratorSpec(
        facts["latent"]["dim"], image["height"], image["width"], image["channels"], len(facts["classes"])
    )
    return Published(f"{facts['name']}@{facts['version']}", generator, spec)


def _forward(engine: Engine, size: int) -> Callable[[], NDArray[np.uint8]]:
    z, label = examples(engine.spec, size, torch.device("cpu"))
    return lambda: engine.forward(z.numpy(), label.numpy())


def _times(action: Callable[[], object], seconds: float) -> list[float]:
    """Of at least three runs, after one that does not count."""
    action()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return times


def matrix_products(side: int, device: torch.device) -> list[Callable[[], Tensor]]:
    """Float32 products of two square matrices, once by each library that PyTorch has for them here.

    Neither is the faster everywhere: on AMD's processors MKL makes no use of AVX-512, and has half of oneDNN's rate.
    """
    matrix = torch.rand(side, side, device=device)

    def on_gpu() -> Tensor:
        result = matrix @ matrix
        torch.cuda.synchronize(device)
        return result

    if device.type == "cuda":
        return [on_gpu]
    if not onednn_available():
        return [lambda: matrix @ matrix]
    ops = torch.ops.mkldnn
    packed = ops._reorder_linear_weight(matrix, side)
    return [lambda: matrix @ matrix, lambda: ops._linear_pointwise(matrix, packed, None, "none", [], "")]


def _products_per_second(engine: Engine, seconds: float) -> float:
    """Multiply-adds a second of the best float32 matrix product, on all threads of a CPU or on the GPU."""
    side = SIDES[engine.device.type]

    def best() -> float:
        with torch.inference_mode():
            return min(min(_times(product, seconds)) for product in matrix_products(side, engine.device))

    return side**3 / on_all_cores(engine.lanes, best)


def _encoder(engine: Engine, seconds: float, encode: Encode) -> str:
    tiles = _forward(engine, _TILES**2)()
    height, width, channels = tiles.shape[1:]
    grid = tiles.reshape(_TILES, _TILES, height, width, channels).swapaxes(1, 2)
    picture = np.ascontiguousarray(grid.reshape(_TILES * height, _TILES * width, channels))
    per_file = statistics.median(_times(lambda: encode(picture), seconds))
    size = len(encode(picture))
    return (
        f"encoder: {picture.shape[1]} x {picture.shape[0]} in {per_file * 1e3:.2f} ms, {size / 1024:,.0f} kB, "
        f"{_TILES**2 / per_file:,.0f} images/s"
    )
