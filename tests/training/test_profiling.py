import json
from pathlib import Path

import torch

from training.profiling import FIRST_STEPS, RECORDED, WARM_UP, profiled


def test_ten_steps_become_a_table_and_a_trace(tmp_path: Path) -> None:
    with profiled(tmp_path, True) as step_done:
        for _ in range(FIRST_STEPS + WARM_UP + RECORDED + 1):
            torch.ones(4) @ torch.ones(4)
            step_done()
    assert "aten::dot" in (tmp_path / "profile.txt").read_text()
    assert json.loads((tmp_path / "profile.json").read_text())["traceEvents"]


def test_nothing_is_written_unasked(tmp_path: Path) -> None:
    with profiled(tmp_path, False) as step_done:
        step_done()
    assert list(tmp_path.iterdir()) == []
