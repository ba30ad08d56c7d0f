"""Two gloo ranks against one process: same folder, same seed, same whole batch, step by step.

    python -m benchmarks.two_ranks FOLDER --steps 200

Trains the default recipe at 32 pixels and 16 images a step on the CPU in float32, notes every loss, prints the largest
difference. (Where a processor has bfloat16, training uses it, and is rounded otherwise for other batch sizes.)
"""

import argparse
import dataclasses
import json
import os
import socket
import sys
import tempfile
from pathlib import Path

import torch

from training import fit, loop, precision
from training.__main__ import main as train
from training.config import tessera_config

TOLERANCE = 1e-3
BATCH = 16


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        alone, together = Path(scratch) / "1", Path(scratch) / "2"
        runs = [(alone, {}), *((together, place) for place in places(2))]
        wait([start(options.folder, options.steps, out, place) for out, place in runs])
        one, two = losses(alone), losses(together)
    worst = {name: max(abs(a[name] - b[name]) for a, b in zip(one, two, strict=True) if name in a) for name in one[0]}
    for name, difference in worst.items():
        print(f"{name:16} largest difference in {len(one)} steps {difference:.2e}")
    print(f"within {TOLERANCE}: {'yes' if max(worst.values()) <= TOLERANCE else 'NO'}")
    return 0 if max(worst.values()) <= TOLERANCE else 1


def places(count: int) -> list[dict[str, str]]:
    """What torchrun would put into the environment of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(count)]


def start(folder: Path, steps: int, out: Path, place: dict[str, str]) -> int:
    """Trains in a fork of this process, which has imported everything, and used nothing."""
    if process := os.fork():
        return process
    os.environ |= place
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(str(out) + f".{place.get('RANK', 0)}.log", os.O_WRONLY | os.O_CREAT), 2)
    torch.set_num_threads(1)
    loop.LOG_IMAGES = BATCH
    precision.native_bfloat16 = lambda device: False
    fit.tessera_config = lambda *folder: dataclasses.replace(tessera_config(*folder), batch_size=BATCH)
    arguments = ["fit", str(folder), "--images", str(steps * BATCH), "--resolution", "32", "--device", "cpu"]
    os._exit(train([*arguments, "--out", str(out)]))


def wait(processes: list[int]) -> None:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if any(statuses):
        sys.exit(f"training processes ended with statuses {statuses}")


def losses(out: Path) -> list[dict[str, float]]:
    """What each step said of itself, by name."""
    run = next(out.iterdir())
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name.startswith("Loss/")} for line in lines if "Loss/G" in line
    ]


if __name__ == "__main__":
    sys.exit(main())
