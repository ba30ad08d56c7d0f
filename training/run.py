"""A run's folder, in StyleGAN2-ADA's manner: what was asked, what happened, and what it looked like on the way.

training_options.json   the whole configuration, data set, versions and commit
lint.json               what was found in the folder of images
stats.jsonl             one line a tick; log.txt the same for people; events.* for TensorBoard
reals.png               what the discriminator sees; fakes000000.png ... the same 64 seeds over time
checkpoint-*.safetensors
"""

import json
import logging
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from training.sheet import png, sheet

OPTIONS = "training_options.json"
LINT = "lint.json"
PACKAGES = ("torch", "torchvision", "numpy", "pillow", "safetensors")


def create(runs: Path, description: str) -> Path:
    """Makes the next numbered folder `NNNNN-description` under `runs` and returns it."""
    runs.mkdir(parents=True, exist_ok=True)
    numbers = [int(m.group(1)) for p in runs.iterdir() if (m := re.match(r"(\d{5})-", p.name))]
    folder = runs / f"{max(numbers, default=-1) + 1:05d}-{re.sub(r'[^A-Za-z0-9_.-]+', '-', description)}"
    folder.mkdir()
    return folder


def replace_file(path: Path, data: bytes) -> None:
    """Writes a file that is there whole or as it was before."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    replace_file(path, (json.dumps(content, indent=2) + "\n").encode())


def read_json(path: Path) -> Any | None:
    """None if it is not there or is no JSON."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def write_options(run: Path, options: dict[str, Any]) -> None:
    write_json(run / OPTIONS, options)


def read_options(run: Path) -> dict[str, Any]:
    """Raises FileNotFoundError with a sentence when `run` is not a run folder."""
    path = run / OPTIONS
    if not path.is_file():
        raise FileNotFoundError(f"{run}: not a training run (it has no {OPTIONS}); give the folder that `fit` printed")
    options: dict[str, Any] = json.loads(path.read_text())
    return options


def environment() -> dict[str, Any]:
    """Library versions, the source's commit, and when: what a result depends on besides its options."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "commit": _commit(), "started": datetime.now(UTC).isoformat(timespec="seconds")}


def _commit() -> str:
    """The commit of the source tree, `-dirty` when it was changed since; empty for an installed package."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


class RunLog:
    """Writes each tick to stats.jsonl, log.txt, TensorBoard and the terminal."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._stats = (run / "stats.jsonl").open("a", buffering=1)
        self._text = logging.FileHandler(run / "log.txt")
        self._text.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._terminal = logging.StreamHandler(sys.stderr)
        self._terminal.setFormatter(logging.Formatter("%(message)s"))
        self._logger = logging.getLogger(f"training.{run.name}")
        self._logger.setLevel(logging.INFO)
        self._logger.propagate = False
        self._logger.addHandler(self._text)
        self._logger.addHandler(self._terminal)
        self._board = SummaryWriter(str(run))

    def say(self, message: str) -> None:
        self._logger.info(message)

    def tick(self, line: str, numbers: dict[str, float]) -> None:
        """`numbers` must hold "images", the x axis of every curve."""
        self._stats.write(json.dumps({k: round(v, 6) for k, v in numbers.items()}) + "\n")
        for name, value in numbers.items():
            if "/" in name:
                self._board.add_scalar(name, value, int(numbers["images"]))
        self.say(line)

    def number(self, name: str, value: float, images_seen: int) -> None:
        """One point of one curve, outside of the ticks."""
        self._stats.write(json.dumps({"images": images_seen, name: round(value, 6)}) + "\n")
        self._board.add_scalar(name, value, images_seen)

    def picture(self, name: str, images: np.ndarray) -> None:
        """Saves uint8 [N, H, W, C] as a square grid of N tiles without gaps, as the field's tools do."""
        replace_file(self._run / name, png(sheet(images)))

    def close(self) -> None:
        self._stats.close()
        self._board.close()
        for handler in (self._text, self._terminal):
            self._logger.removeHandler(handler)
            handler.close()


class SilentLog(RunLog):
    """What all ranks but the first write: nothing."""

    def __init__(self) -> None:
        pass

    def say(self, message: str) -> None:
        pass

    def tick(self, line: str, numbers: dict[str, float]) -> None:
        pass

    def number(self, name: str, value: float, images_seen: int) -> None:
        pass

    def picture(self, name: str, images: np.ndarray) -> None:
        pass

    def close(self) -> None:
        pass
