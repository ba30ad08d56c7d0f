"""Two gloo ranks against one process: same folder, same seed, same whole batch, step by step.

    python -m benchmarks.two_ranks FOLDER --steps 200

Trains at 32 pixels and 16 images a step on the CPU, notes every loss to six decimals, and prints how far they part.

Two ranks add up in another order than one process does, and training multiplies what that rounds otherwise: float32
has passed 1e-3 within some twenty steps, float64 within 120 (EXPERIMENTS.md). So what decides is computed in float64,
with every gradient rounded to a grid of 2^-16 of its tensor's largest, on both sides: sums of another order, 1e-16
apart, are the same before the next step, and whatever else differs moves some of a million numbers to the next point
of the grid, and grows. float32, in which one trains, stands beside it. `dcgan` is not asked: each rank's BatchNorm
sees its own share.
"""

import argparse
import dataclasses
import json
import os
import socket
import sys
import tempfile
import traceback
from pathlib import Path

import torch
from torch import Tensor, nn

from training import fit, loop, precision, ranks
from training.__main__ import main as train

RECIPES = ("tessera", "autoencoder")
TOLERANCE = 1e-3
BATCH = 16
GRID = -16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", choices=RECIPES, default=RECIPES[0])
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    print(f"| {options.recipe} | | largest difference in {options.steps} steps | first past {TOLERANCE} |")
    print("|---|---|--:|--:|", flush=True)
    within = {}
    for precise in (torch.float64, torch.float32):
        differences = compare(options.folder, options.recipe, options.steps, precise)
        for name, steps in differences.items():
            past = next((f"step {step}" for step, found in enumerate(steps, 1) if found > TOLERANCE), "none")
            print(f"| {str(precise).removeprefix('torch.')} | {name} | {max(steps):.1e} | {past} |", flush=True)
        within[precise] = max(map(max, differences.values())) <= TOLERANCE
    print(f"float64 within {TOLERANCE}: {'yes' if within[torch.float64] else 'NO'}")
    return 0 if within[torch.float64] else 1


def compare(folder: Path, recipe: str, steps: int, precise: torch.dtype) -> dict[str, list[float]]:
    """Trains both ways; the differences of each loss, step by step."""
    arguments = ["fit", str(folder), "--recipe", recipe, "--images", str(steps * BATCH), "--resolution", "32"]
    with tempfile.TemporaryDirectory() as scratch:
        alone, together = Path(scratch) / "1", Path(scratch) / "2"
        runs = [(alone, {}), *((together, place) for place in places(2))]
        wait([start([*arguments, "--device", "cpu", "--out", str(out)], precise, place) for out, place in runs])
        one, two = losses(alone), losses(together)
    return {name: [abs(a[name] - b[name]) for a, b in zip(one, two, strict=True)] for name in one[0]}


def places(count: int) -> list[dict[str, str]]:
    """What torchrun would put into the environment of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(count)]


def start(arguments: list[str], precise: torch.dtype, place: dict[str, str]) -> int:
    """Trains in a fork of this process, which has imported everything, and used nothing."""
    if process := os.fork():
        return process
    status = 1
    try:
        os.environ |= place
        silent, loud = os.open(os.devnull, os.O_WRONLY), os.dup(2)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        prepare(precise)
        status = train(arguments)
    except Exception:
        os.dup2(loud, 2)
        traceback.print_exc()
    os._exit(status)


def prepare(precise: torch.dtype) -> None:
    """One thread, small batches, a line for every step, no bfloat16; and float64 on a grid, if that is asked for."""
    torch.set_num_threads(1)
    loop.LOG_IMAGES = BATCH
    configure, average = fit._configure, ranks.average_gradients
    fit._configure = lambda *asked: dataclasses.replace(configure(*asked), batch_size=BATCH)
    precision.native_bfloat16 = lambda device: False
    if precise == torch.float64:
        torch.set_default_dtype(precise)
        torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]

        def on_the_grid(network: nn.Module) -> None:
            average(network)
            for parameter in network.parameters():
                round_to_grid(parameter.grad)

        ranks.average_gradients = on_the_grid


def round_to_grid(gradient: Tensor | None) -> None:
    """In place, to multiples of a power of two."""
    if gradient is not None:
        exponent = torch.frexp(gradient.abs().max()).exponent + GRID
        grid = torch.ldexp(torch.ones(()), exponent)
        gradient.div_(grid).round_().mul_(grid)


def wait(processes: list[int]) -> None:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if any(statuses):
        sys.exit(f"training processes ended with statuses {statuses}")


def losses(out: Path) -> list[dict[str, float]]:
    """What each step said of itself, by name."""
    run = next(out.iterdir())
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    found = ({name: value for name, value in line.items() if name.startswith("Loss/")} for line in lines)
    return [step for step in found if step]


if __name__ == "__main__":
    sys.exit(main())
