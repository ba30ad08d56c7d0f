"""kill -9 at random steps, resume, and compare everything that was learnt with an undisturbed run, bit by bit.

    python -m benchmarks.resume FOLDER --recipe tessera --kills 20

Every run trains at 32 pixels for `--steps` steps, writes a checkpoint after each, and is looked at often, so that a
kill falls before, inside and after steps, checks and the writing of checkpoints. Weights, moments of the optimizers,
averages and the best moment are compared.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from training import best, checkpoint, health, loop
from training.__main__ import main as train
from training.data.order import Order
from training.fit import RECIPES

BATCHES = {"dcgan": 128}
BATCH = 32


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", choices=RECIPES, default=RECIPES[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    images = options.steps * BATCHES.get(options.recipe, BATCH)
    arguments = ["fit", str(options.folder), "--recipe", options.recipe, "--images", str(images)]
    arguments += ["--resolution", "32", "--device", "cpu", "--out"]
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        whole = learnt(undisturbed([*arguments, f"{scratch}/whole"], Path(scratch) / "whole"))
        step_seconds = (time.monotonic() - began) / options.steps
        identical = 0
        for number in range(1, options.kills + 1):
            step, delay = moments.randint(1, options.steps), moments.uniform(0, step_seconds)
            out = Path(scratch) / str(number)
            run, resumed = killed_and_resumed([*arguments, str(out)], out, step, delay)
            found = learnt(run)
            same = whole.keys() == found.keys() and all(torch.equal(whole[name], found[name]) for name in whole)
            identical += same
            print(f"kill {number} in step {step}: {resumed}, {'identical' if same else 'DIFFERENT'}", flush=True)
    print(f"{options.recipe}: {identical} of {options.kills} identical ({len(whole)} tensors each)")
    return 0 if identical == options.kills else 1


def start(arguments: list[str], step_begun: Callable[[], None]) -> int:
    """Trains in a process of its own, a fork of this one (which has imported everything, and used nothing)."""
    if process := os.fork():
        return process
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    torch.set_num_threads(1)
    loop.CHECKPOINT_SECONDS, loop.LOG_IMAGES, health.IMAGES_BETWEEN = 0.0, 150, 150
    best.MEASURED_FROM, best.FEWEST_IMAGES, best.RUN_IMAGES_FOR_ONE = 0.3, 16, 20
    following = Order.next

    def told(order: Order) -> object:
        step_begun()
        return following(order)

    Order.next = told  # type: ignore[method-assign,assignment]
    os._exit(train(arguments))


def finish(process: int) -> None:
    _, status = os.waitpid(process, 0)
    if status:
        sys.exit(f"a training process ended with status {os.waitstatus_to_exitcode(status)}")


def undisturbed(arguments: list[str], out: Path) -> Path:
    finish(start(arguments, lambda: None))
    return next(out.iterdir())


def killed_and_resumed(arguments: list[str], out: Path, step: int, delay: float) -> tuple[Path, str]:
    """Kills a run so many seconds after so many steps have begun, if it is not at its end by then, and goes on."""
    reading, writing = os.pipe()
    process = start(arguments, lambda: os.write(writing, b"s") and None)
    os.close(writing)
    while step and os.read(reading, 1):
        step -= 1
    os.close(reading)
    time.sleep(delay)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    run = next(out.iterdir())
    kept = checkpoint.latest(run)
    finish(start(["resume", str(run)], lambda: None))
    return run, f"resumed from {kept.stem if kept else 'the beginning'}"


def learnt(run: Path) -> dict[str, torch.Tensor]:
    path = checkpoint.latest(run)
    if path is None:
        sys.exit(f"{run}: no checkpoint")
    state = checkpoint.read(path)
    tensors, _ = checkpoint.flatten({"recipe": state["recipe"], "best": state["best"]})
    return tensors


if __name__ == "__main__":
    sys.exit(main())
