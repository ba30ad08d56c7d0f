"""The service on a real GPU: it answers, keeps its pixels over a restart, and ends when its device is lost."""

import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from app import server
from app.inference.latents import latents

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


def test_a_broken_gpu_ends_the_process_with_its_own_code(start_ready: Any, publish: Any, tmp_path: Path) -> None:
    first = latents(np.arange(5000, dtype=np.uint32), 8)[:, 0]
    seed = int(first.argmax())
    publish(tmp_path, "trap", beyond=float(first[seed]) - 1e-3)
    with start_ready(tmp_path, device="cuda") as running:
        assert running.client.post("/generate", json={"n": 4, "seed": 1}).status_code == 200
        with httpx.Client(base_url=running.url, timeout=20) as other:
            answer = running.client.post("/generate", json={"seed": seed})
            began = time.monotonic()
            assert (answer.status_code, answer.json()["code"]) == (503, "device_lost")
            assert other.get("/readyz").status_code == 503
        assert running.exit_code() == server.EX_DEVICE_LOST
        print(f"ended after {time.monotonic() - began:.2f} s")
