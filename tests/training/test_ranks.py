"""Two ranks are one process that computes in two shares, also where that goes on with their run. Alone, a rank has
everything."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import two_ranks
from training import ranks

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900
    )
    assert found.returncode == 0, found
    return found.stdout


def test_two_ranks_are_one_process_in_two_shares(drawings: Path) -> None:
    """Three of the two hundred steps of the benchmark: real processes, the real loop, gloo between them."""
    found = run("-m", "benchmarks.two_ranks", drawings, "--steps", "3", "--recipe", "autoencoder")
    shared, whole = (
        [line for line in found.splitlines() if f"| {way} | Loss/" in line] for way in ("2 shares", "one piece")
    )
    assert len(shared) == len(whole) == 3, found
    assert all(line.endswith("| none | same bits |") for line in shared), found
    assert all(line.endswith("| other |") for line in whole), found


@pytest.mark.parametrize("recipe", ["tessera", "dcgan"])
def test_one_process_goes_on_with_the_run_of_two_to_the_bit(drawings: Path, tmp_path: Path, recipe: str) -> None:
    run(ROOT / "tests" / "training" / "broken_ranks.py", drawings, recipe, tmp_path)
    words = (next((tmp_path / "broken").iterdir()) / "log.txt").read_text()
    assert "stopped at 32 images" in words
    assert "resumed at 32 images" in words
    assert two_ranks.same_state(tmp_path / "unbroken", tmp_path / "broken")


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
