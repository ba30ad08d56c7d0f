"""Two ranks are one process in two: the same losses at every step. Alone, a rank has everything."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from training import ranks

ROOT = Path(__file__).resolve().parents[2]


def test_two_ranks_follow_the_single_process(drawings: Path) -> None:
    """Four of the two hundred steps of the benchmark: real processes, the real loop, gloo between them."""
    command = [sys.executable, "-m", "benchmarks.two_ranks", str(drawings), "--steps", "4"]
    found = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert found.returncode == 0, found
    rows = [line for line in found.stdout.splitlines() if "Loss/" in line]
    assert len(rows) == 4, found.stdout
    assert all(line.endswith("| none |") for line in rows), found.stdout


def test_alone_everything_is_ones_own() -> None:
    rows = np.arange(6)
    assert (ranks.size(), ranks.rank()) == (1, 0)
    assert np.array_equal(ranks.share(rows), rows)
    assert ranks.normal(3, 2, torch.device("cpu")).shape == (3, 2)
    assert ranks.averages({"a": torch.tensor(2.0), "b": torch.tensor(3)}) == {"a": 2.0, "b": 3.0}
    assert ranks.from_first(lambda: 7) == 7
    assert ranks.device(torch.device("cuda")) == torch.device("cuda")


def test_every_rank_has_its_own_part_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "size", lambda: 3)
    parts = []
    for rank in range(3):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        torch.manual_seed(1)
        parts.append(ranks.normal(2, 4, torch.device("cpu")))
    torch.manual_seed(1)
    assert torch.equal(torch.cat(parts), torch.randn(6, 4))
