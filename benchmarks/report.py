"""What a benchmark found, as a dated Markdown file that says where and of which commit."""

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PACKAGES = ("torch", "numpy", "fastapi", "starlette", "uvicorn", "isal", "Pillow")


@dataclass(frozen=True)
class Check:
    """A promise, what was measured, and whether that keeps it."""

    promise: str
    measured: str
    kept: bool


class Report:
    """Printed as it grows, written at the end."""

    def __init__(self, name: str, title: str) -> None:
        self._name = name
        self._began = datetime.now(UTC)
        self._kept = True
        self._parts: list[str] = []
        self.add(f"# {title}")
        self.add(
            f"`{command()}`, {self._began:%Y-%m-%d %H:%M} UTC, commit {commit()}.\n\n"
            f"{machine()}. Python {platform.python_version()}, "
            + ", ".join(f"{package} {installed(package)}" for package in PACKAGES)
            + "."
        )

    def add(self, text: str) -> None:
        """A paragraph, or any Markdown."""
        self._parts.append(text)
        print(text, end="\n\n", flush=True)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The first column holds words, the others figures."""
        ruler = ["---", *["--:"] * (len(headings) - 1)]
        self.add("\n".join(f"| {' | '.join(row)} |" for row in [headings, ruler, *rows]))

    def checks(self, *checks: Check) -> None:
        self._kept &= all(check.kept for check in checks)
        lines = ["| promise | measured | kept |", "|---|---|---|"]
        lines += [f"| {check.promise} | {check.measured} | {'yes' if check.kept else '**no**'} |" for check in checks]
        self.add("\n".join(lines))

    def write(self, folder: Path = RESULTS) -> int:
        """The exit status of the benchmark: 0 if every promise was kept."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self._began:%Y-%m-%d}-{self._name}.md"
        file.write_text("\n\n".join(self._parts) + "\n")
        print(f"written to {file}")
        return 0 if self._kept else 1


def parser(description: str | None, *, seconds: float) -> argparse.ArgumentParser:
    """The options that all benchmarks of the service have."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=seconds, help="length of the measured part (%(default)s)")
    parser.add_argument("--models", type=Path, help="published models; default: the tutorial's generator, untrained")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    return parser


def command() -> str:
    module = Path(sys.argv[0]).stem
    return " ".join(["python -m", f"benchmarks.{module}", *sys.argv[1:]])


def commit() -> str:
    """Short hash; with a remark if the code that was measured differs from it."""
    known = _git("rev-parse", "--short", "HEAD")
    measured = ("app", "training", "benchmarks/*.py", "benchmarks/*.[ch]")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", *measured)
    return (known or "unknown") + (" with uncommitted changes" if changed else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def machine() -> str:
    host = f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start, {platform.system()}"
    return f"{gpu()}; {host}" if os.environ.get("TESSERA_DEVICE", "").startswith("cuda") else host


def stolen_s() -> float:
    """Processor seconds that the host of a virtual machine has given to others so far; 0 where it does not tell."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    except OSError:
        return 0.0
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")


def gpu() -> str:
    import torch  # here: only a service on a GPU is worth the seconds

    return f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}"


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"
