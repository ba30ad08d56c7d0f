"""What a folder of more than two hundred odd and broken files costs, and each bomb alone.

    python -m benchmarks.zoo

The zoo is linted and trained on by the command line; each bomb is decoded in a process of its own.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bombs import bombs
from benchmarks.report import RESULTS, Check, Report
from benchmarks.zoo_files import Zoo, fill

SECONDS, MEGABYTES = 1.0, 200.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--repeat", type=int, default=3, help="times each bomb is decoded, the best counts (%(default)s)"
    )
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the table")
    options = parser.parse_args()
    report = Report("zoo", "What odd and broken files cost")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "zoo"
        folder.mkdir()
        report.checks(*visit(fill(folder), Path(scratch)))
        costs = {name: cost(Path(scratch), name, make(), options.repeat) for name, make in bombs().items()}
    report.table(
        ["file", "what became of it", "processor s", "MB"],
        [[name, one["said"][:70], f"{one['seconds']:.3f}", f"{one['megabytes']:.0f}"] for name, one in costs.items()],
    )
    slowest, largest = (max(one[unit] for one in costs.values()) for unit in ("seconds", "megabytes"))
    report.checks(
        Check(f"a bomb costs at most {SECONDS:.0f} s of processor time", f"{slowest:.2f} s", slowest <= SECONDS),
        Check(f"and at most {MEGABYTES:.0f} MB", f"{largest:.0f} MB", largest <= MEGABYTES),
    )
    return report.write(options.results)


def visit(zoo: Zoo, scratch: Path) -> Iterator[Check]:
    report = scratch / "lint.json"
    began = time.perf_counter()
    run("lint", str(zoo.folder), "--json", str(report))
    seconds = time.perf_counter() - began
    found = {reject["name"]: reject["reason"] for reject in json.loads(report.read_text())["rejects"]}
    wrong = [name for name, expected in zoo.bad.items() if not re.search(expected, found.get(name, ""))]
    files = len(zoo.good) + len(zoo.bad)
    yield Check(
        f"each of {len(zoo.bad)} bad files among {files} is rejected with its reason, and no good one",
        f"{len(zoo.bad) - len(wrong)} of {len(zoo.bad)}, in {seconds:.1f} s",
        not wrong and set(found) == set(zoo.bad),
    )
    status = run("fit", str(zoo.folder), "--recipe", "dcgan", "--images", "64", "--out", str(scratch / "runs"))
    yield Check("the rest is trained on", f"exit status {status}", status == 0)


def run(*arguments: str) -> int:
    done = subprocess.run([sys.executable, "-m", "training", *arguments], stdout=subprocess.DEVNULL, check=False)
    return done.returncode


def cost(scratch: Path, name: str, data: bytes, repeat: int) -> dict:
    """The least time and memory of some repetitions: what it takes where nobody disturbs."""
    file = scratch / name
    file.write_bytes(data)
    command = [sys.executable, "-m", "benchmarks.bombs", str(file)]
    found = [json.loads(subprocess.check_output(command, text=True)) for _ in range(repeat)]
    file.unlink()
    return {**found[0], **{unit: min(one[unit] for one in found) for unit in ("seconds", "megabytes")}}


if __name__ == "__main__":
    raise SystemExit(main())
