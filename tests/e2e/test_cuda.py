"""The service on a real GPU: it answers, keeps its pixels over a restart, and ends when its device is lost."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from app import server

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="this host has no GPU that PyTorch can use")

ROOT = Path(__file__).parents[2]


def test_the_bundled_models_draw_the_same_pixels_after_a_restart(start_ready: Any) -> None:
    pictures = []
    for _ in range(2):
        with start_ready(ROOT / "models", device="cuda") as running:
            names = [model["name"] for model in running.client.get("/models").json()["models"]]
            asked = [{"model": name, "n": n, "seed": 7} for name in names for n in (1, 16, 64)]
            pictures.append([running.client.post("/generate", json=body).raise_for_status().content for body in asked])
    assert pictures[0] == pictures[1]
    assert len(set(pictures[0])) == 3 * len(names)


def test_a_broken_gpu_ends_the_process_with_its_own_code(start_ready: Any, published: Any, tmp_path: Path) -> None:
    seed = published.trapped(tmp_path)
    with start_ready(tmp_path, device="cuda") as running:
        assert running.client.post("/generate", json={"n": 4, "seed": 1}).status_code == 200
        with httpx.Client(base_url=running.url, timeout=20) as other:
            answer = running.client.post("/generate", json={"seed": seed})
            assert (answer.status_code, answer.json()["code"]) == (503, "device_lost")
            assert other.get("/readyz").status_code == 503
        assert running.exit_code() == server.EX_DEVICE_LOST
