"""The engine without a service, beside the same file under plain torch.jit.load, from a process of its own.

    python -m benchmarks.bare MODELS [--seconds 8] > figures.json

Prints JSON: for `engine` and `plain`, `batch` images per second in batches of BATCH, and `one` median seconds of a
forward pass of one image. `limit` has as `batch` what float32 matrix products, at the rate they had in turn with the
engine, would allow for the generator as published, by the faster of PyTorch's libraries, and as `one` seconds of that
arithmetic. `latents`: median seconds for one of LATENTS. All take turns, so that they meet the same machine. On the
CPU, or on the TESSERA_DEVICE of the environment; there `plain` has its latents from the host and gives its floats back.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from app.inference.cores import on_all_cores

ROOT = Path(__file__).resolve().parents[1]
BATCH = 64
LATENTS = 4096
_TURNS = 4

Forward = Callable[[int], Any]
Case = tuple[str, int]  # name, images


def measure(models: Path, seconds: float) -> dict[str, dict[str, float]]:
    """Starts that process and waits for its figures."""
    command = [sys.executable, "-m", "benchmarks.bare", str(models), "--seconds", str(seconds)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, dict[str, float]] = json.loads(done.stdout)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    forwards, of_a_product, threads = contenders(options.models)
    products = [(name, 1) for name in forwards if name.startswith("product")]
    cases = [*((name, n) for name in ("engine", "plain") for n in (BATCH, 1)), *products, ("latents", LATENTS)]
    # All in the thread that the engine takes for it: a second with a team of its own would slow down both.
    median = on_all_cores(threads, lambda: medians(forwards, cases, options.seconds))
    figures = {name: {"batch": BATCH / median[name, BATCH], "one": median[name, 1]} for name in ("engine", "plain")}
    arithmetic = min(median[product] for product in products) * of_a_product
    figures["limit"] = {"batch": 1 / arithmetic, "one": arithmetic}
    figures["latents"] = {"batch": LATENTS / median["latents", LATENTS], "one": median["latents", LATENTS] / LATENTS}
    json.dump(figures, sys.stdout)


def medians(forwards: dict[str, Forward], cases: list[Case], seconds: float) -> dict[Case, float]:
    """Seconds of each case, in turns that take so long together."""
    turn = seconds / (_TURNS * len(cases))
    taken: dict[Case, list[float]] = {case: [] for case in cases}
    for _ in range(2):
        for name, n in cases:
            forwards[name](n)
    for _ in range(_TURNS):
        for (name, n), times in taken.items():
            times += timed(forwards[name], n, turn)
    return {case: statistics.median(times) for case, times in taken.items()}


def contenders(models: Path) -> tuple[dict[str, Forward], float, int]:
    """What is timed, by name, each for a number of images; what part of a matrix product's multiplications those of one
    image, as published, are; and on how many threads an operator runs."""
    import torch

    from app.inference.bench import SIDES, matrix_products
    from app.inference.engine import Engine, GeneratorSpec
    from app.inference.latents import latents
    from app.registry.store import discover, verify

    model = verify(discover(models)[0])
    image, dim = model.manifest.image, model.manifest.latent.dim
    spec = GeneratorSpec(dim, image.height, image.width, image.channels, len(model.manifest.classes))
    engine = Engine(model.generator, spec, os.environ.get("TESSERA_DEVICE", "cpu"), max_batch_size=BATCH)
    engine.warm_up()
    plain = torch.jit.load(str(model.folder / "generator.pt"), map_location=engine.device).eval()
    z = np.random.default_rng(0).standard_normal((BATCH, dim), np.float32)
    label = np.zeros(BATCH, np.int64)
    z_tensor, label_tensor = torch.from_numpy(z), torch.from_numpy(label)

    def forward_plain(n: int) -> object:
        with torch.inference_mode():
            return plain(z_tensor[:n].to(engine.device), label_tensor[:n].to(engine.device)).cpu()

    side = SIDES[engine.device.type]
    products = on_all_cores(engine.lanes, lambda: matrix_products(side, engine.device))
    forwards = {
        "engine": lambda n: engine.forward(z[:n], label[:n]),
        "plain": forward_plain,
        "latents": lambda n: latents(np.arange(n, dtype=np.uint32), dim),
        **{f"product {i}": lambda n, product=product: product() for i, product in enumerate(products)},
    }
    return forwards, engine.multiplications / side**3, engine.lanes


def timed(forward: Forward, n: int, seconds: float) -> list[float]:
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not times:
        start = time.perf_counter()
        forward(n)
        times.append(time.perf_counter() - start)
    return times


if __name__ == "__main__":
    main()
