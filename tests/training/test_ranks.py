"""Two ranks are one process in two: same losses, same weights. Without torchrun there is one rank, with everything."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.two_ranks import places
from training import precision, ranks

SCRIPT = Path(__file__).with_name("follow.py")
STEPS = 5


@pytest.fixture(scope="module")
def together() -> list[dict[str, list[float]]]:
    """What each of two ranks found."""
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), str(STEPS)],
            env=os.environ | place | {"PYTHONPATH": str(SCRIPT.parents[2])},
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in places(2)
    ]
    return [json.loads(process.communicate(timeout=300)[0]) for process in processes]


def test_two_ranks_follow_the_single_process(
    together: list[dict[str, list[float]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "native_bfloat16", lambda device: False)
    alone = runpy.run_path(str(SCRIPT))["follow"](STEPS)
    assert alone.keys() == together[0].keys()
    for name, values in alone.items():
        assert together[0][name] == pytest.approx(values, abs=1e-3), name


def test_the_ranks_have_the_same_weights(together: list[dict[str, list[float]]]) -> None:
    assert together[0] == together[1]


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
