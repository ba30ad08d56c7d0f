"""Two gloo ranks against one process that computes in two shares: same folder, same seed, step by step, to the bit.

    python -m benchmarks.two_ranks FOLDER --steps 200

Trains at 32 pixels and 16 images a step on the CPU, in float32, and compares every loss, to the six decimals that a run
notes, and the whole state of the recipe after the last step. A process that takes the same batches in one piece stands
beside it: it adds up in another order, training multiplies what that rounds otherwise, and it is soon elsewhere.
"""

import argparse
import dataclasses
import json
import os
import socket
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

import torch

from training import checkpoint, fit, loop, precision, ranks
from training.__main__ import main as train

TOLERANCE = 1e-3
BATCH = 16
SHARES = 2


@dataclass(frozen=True)
class Comparison:
    """losses: by name, how far they are apart at each step. same_state: are weights, moments and memories equal?"""

    losses: dict[str, list[float]]
    same_state: bool

    @property
    def holds(self) -> bool:
        return self.same_state and all(apart <= TOLERANCE for steps in self.losses.values() for apart in steps)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--recipe", choices=fit.RECIPES, action="append", help="default: all")
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    print(f"| recipe | one process, in | loss | most apart in {options.steps} steps | past {TOLERANCE} | end state |")
    print("|---|---|---|--:|--:|---|", flush=True)
    holds = []
    for recipe in options.recipe or fit.RECIPES:
        shared, whole = compare(options.folder, recipe, options.steps)
        show(recipe, f"{SHARES} shares", shared)
        show(recipe, "one piece", whole)
        holds.append(shared.holds)
    print(f"{SHARES} ranks are one process in {SHARES} shares: {'yes' if all(holds) else 'NO'}")
    return 0 if all(holds) else 1


def show(recipe: str, way: str, found: Comparison) -> None:
    for name, steps in found.losses.items():
        past = next((f"step {step}" for step, apart in enumerate(steps, 1) if not apart <= TOLERANCE), "none")
        state = "same bits" if found.same_state else "other"
        print(f"| {recipe} | {way} | {name} | {max(steps):.1e} | {past} | {state} |", flush=True)


def compare(folder: Path, recipe: str, steps: int) -> tuple[Comparison, Comparison]:
    """Two ranks against one process that computes in two shares, and against one that does not."""
    arguments = ["fit", str(folder), "--recipe", recipe, "--images", str(steps * BATCH), "--resolution", "32"]
    with tempfile.TemporaryDirectory() as scratch:
        together, shared, whole = (Path(scratch) / name for name in ("ranks", "shares", "whole"))
        ways = [*((together, 1, place) for place in places(SHARES)), (shared, SHARES, {}), (whole, 1, {})]
        wait([start([*arguments, "--device", "cpu", "--out", str(out)], count, place) for out, count, place in ways])
        return between(together, shared), between(together, whole)


def places(count: int) -> list[dict[str, str]]:
    """What torchrun would put into the environment of each process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(count)]


def start(arguments: list[str], shares: int, place: dict[str, str]) -> int:
    """Trains in a fork of this process, which has imported everything, and used nothing."""
    if process := os.fork():
        return process
    status = 1
    try:
        os.environ |= place
        silent, loud = os.open(os.devnull, os.O_WRONLY), os.dup(2)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        prepare()
        with ranks.in_shares(shares):
            status = train(arguments)
    except Exception:
        os.dup2(loud, 2)
        traceback.print_exc()
    os._exit(status)


def prepare() -> None:
    """One thread, small batches, a line for every step, no bfloat16."""
    torch.set_num_threads(1)
    loop.LOG_IMAGES = BATCH
    configure = fit._configure
    fit._configure = lambda *asked: dataclasses.replace(configure(*asked), batch_size=BATCH)
    precision.native_bfloat16 = lambda device: False


def wait(processes: list[int], expected: int = 0) -> None:
    statuses = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if set(statuses) != {expected}:
        sys.exit(f"training processes ended with statuses {statuses}")


def between(one: Path, other: Path) -> Comparison:
    a, b = losses(one), losses(other)
    apart = {name: [abs(x[name] - y[name]) for x, y in zip(a, b, strict=True)] for name in a[0]}
    return Comparison(apart, same_state(one, other))


def losses(out: Path) -> list[dict[str, float]]:
    """What each step said of itself, by name."""
    run = next(out.iterdir())
    lines = [json.loads(line) for line in (run / "stats.jsonl").read_text().splitlines()]
    found = ({name: value for name, value in line.items() if name.startswith("Loss/")} for line in lines)
    return [step for step in found if step]


def same_state(one: Path, other: Path) -> bool:
    """Do two finished runs have the same recipe's state, to the bit?"""
    (a, numbers), (b, other_numbers) = (state(out) for out in (one, other))
    return numbers == other_numbers and a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def state(out: Path) -> tuple[dict[str, torch.Tensor], object]:
    path = checkpoint.latest(next(out.iterdir()))
    assert path is not None
    return checkpoint.flatten(checkpoint.read(path)["recipe"])


if __name__ == "__main__":
    sys.exit(main())
