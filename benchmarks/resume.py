"""kill -9 at random moments, resume, and compare the final weights with those of an undisturbed run, bit by bit.

    python -m benchmarks.resume FOLDER --kills 20

Every run trains the default recipe at 32 pixels on `--images` images. A kill may fall anywhere in a run's time.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from training import checkpoint

# A checkpoint after every step, so that a kill may fall before, inside and after the writing of one.
TRAIN = "import sys, training.loop as loop; loop.CHECKPOINT_SECONDS = 0.0; from training.__main__ import main; "
TRAIN += "sys.exit(main(sys.argv[1:]))"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--images", type=int, default=960)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as scratch:
        began = time.monotonic()
        whole = weights(train(options.folder, options.images, Path(scratch) / "whole"))
        length = time.monotonic() - began
        print(f"undisturbed: {length:.1f} s")
        identical = 0
        for number in range(options.kills):
            out = Path(scratch) / str(number)
            seconds = moments.uniform(0, length)
            run, resumptions = killed_and_resumed(options.folder, options.images, out, seconds)
            same = all(torch.equal(whole[name], value) for name, value in weights(run).items())
            identical += same
            print(
                f"kill {number + 1} after {seconds:5.1f} s: {resumptions}, {'identical' if same else 'DIFFERENT'}",
                flush=True,
            )
    print(f"{identical} of {options.kills} identical")
    return 0 if identical == options.kills else 1


def start(*arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", TRAIN, *arguments]
    return subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def arguments_of(folder: Path, images: int, out: Path) -> list[str]:
    return ["fit", str(folder), "--resolution", "32", "--images", str(images), "--device", "cpu", "--out", str(out)]


def train(folder: Path, images: int, out: Path) -> Path:
    """An undisturbed run's folder."""
    process = start(*arguments_of(folder, images, out))
    if process.wait():
        sys.exit(f"training ended with status {process.returncode}; try: python -m training fit {folder}")
    return next(out.iterdir())


def killed_and_resumed(folder: Path, images: int, out: Path, seconds: float) -> tuple[Path, str]:
    """Kills a run after so many seconds; goes on with it, or begins anew where the kill came before there was a run."""
    process = start(*arguments_of(folder, images, out))
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    runs = [run for run in out.glob("*") if (run / "training_options.json").exists()]
    if not runs:
        return train(folder, images, out / "again"), "began anew"
    kept = checkpoint.latest(runs[0])
    if start("resume", str(runs[0])).wait():
        sys.exit(f"resuming {runs[0]} failed")
    return runs[0], f"resumed from {kept.stem if kept else 'the beginning'}"


def weights(run: Path) -> dict[str, torch.Tensor]:
    path = checkpoint.latest(run)
    if path is None:
        sys.exit(f"{run}: no checkpoint")
    found: dict[str, torch.Tensor] = checkpoint.read(path)["recipe"]["average"]
    return found


if __name__ == "__main__":
    sys.exit(main())
