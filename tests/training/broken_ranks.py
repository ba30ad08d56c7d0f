"""FOLDER RECIPE OUT: trains OUT/unbroken by two ranks, and OUT/broken begun by two ranks and ended by one process.

A program of its own, because it forks: a process that has computed with threads must not.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from benchmarks.two_ranks import BATCH, places, start, wait
from training import loop
from training.commands.fit import STOPPED

STEPS = 4


@contextmanager
def stop_halfway() -> Iterator[Callable[[], bool]]:
    looks = count()
    yield lambda: next(looks) == STEPS // 2


def main(folder: str, recipe: str, out: str) -> None:
    fit = ["fit", folder, "--recipe", recipe, "--images", str(STEPS * BATCH), "--resolution", "32", "--device", "cpu"]
    unbroken, broken = ([*fit, "--out", f"{out}/{name}"] for name in ("unbroken", "broken"))
    wait([start(unbroken, 1, place) for place in places(2)])
    heed_signals, loop.stop_on_signals = loop.stop_on_signals, stop_halfway
    wait([start(broken, 1, place) for place in places(2)], STOPPED)
    loop.stop_on_signals = heed_signals
    (run,) = Path(out, "broken").iterdir()
    wait([start(["resume", str(run)], 1, {})])


if __name__ == "__main__":
    main(*sys.argv[1:])
