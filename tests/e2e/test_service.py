"""`python -m app` on real models, in its own process, over HTTP."""

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory, publish: Any) -> Path:
    """Two models, and one with a bit turned over."""
    folder = tmp_path_factory.mktemp("models")
    publish(folder, "avatars")
    publish(folder, "fashion", 3, ("shirt", "shoe"))
    generator = publish(folder, "broken") / "generator.pt"
    data = bytearray(generator.read_bytes())
    data[len(data) // 2] ^= 1
    generator.write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def service(start_ready: Any, models_dir: Path) -> Any:
    with start_ready(models_dir) as running:
        yield running


def generate(running: Any, **fields: Any) -> httpx.Response:
    answer: httpx.Response = running.client.post("/generate", json=fields)
    assert answer.status_code == 200, answer.text
    return answer


def pixels(answer: httpx.Response) -> Any:
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def metric(running: Any, name: str) -> float:
    lines = running.client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def test_a_seed_that_the_network_fails_on_is_an_error_of_its_own_request(
    start_ready: Any, published: Any, tmp_path: Path
) -> None:
    seed = published.trapped(tmp_path)
    with start_ready(tmp_path) as running:
        answer = running.client.post("/generate", json={"seed": seed})
        assert (answer.status_code, answer.json()["code"]) == (500, "engine_failed")
        assert (
            answer.json()["detail"] == "the forward pass failed: RuntimeError: RuntimeError: index out of range in self"
        )
        generate(running, seed=seed + 1)


def test_the_grid_of_64_and_each_of_its_tiles(service: Any) -> None:
    grid = pixels(generate(service, n=64, seed=2**32 - 10))
    assert grid.shape == (8 * 18 + 2, 8 * 18 + 2, 3)
    for k in (0, 9, 10, 63):
        tile = pixels(generate(service, n=1, seed=(2**32 - 10 + k) % 2**32, padding=0))
        row, column = divmod(k, 8)
        assert (grid[2 + 18 * row : 18 + 18 * row, 2 + 18 * column : 18 + 18 * column] == tile).all()
    assert len(np.unique(grid.reshape(-1, 3), axis=0)) > 100


def test_what_the_golden_seeds_give_is_what_was_published(service: Any, models_dir: Path) -> None:
    served = pixels(generate(service, n=16, seed=0, padding=0)).astype(int)
    golden = np.asarray(Image.open(models_dir / "avatars" / "1" / "golden.png")).astype(int)
    assert np.abs(served - golden).max() <= 2


def test_models_with_classes(service: Any) -> None:
    shirt, shoe = (pixels(generate(service, model="fashion", label=label, seed=1)) for label in ("shirt", 1))
    assert (shirt != shoe).any()
    assert service.client.post("/generate", json={"label": "shirt"}).status_code == 422


def test_the_facts_of_the_models(service: Any) -> None:
    listed = service.client.get("/models").json()
    assert (listed["default"], [model["ref"] for model in listed["models"]]) == (
        "avatars@1",
        ["avatars@1", "fashion@3"],
    )
    facts = service.client.get("/models/fashion").json()
    assert facts["engine"]["batching"] in ("natural", "fixed")
    assert facts["engine"]["images_per_second"] > 0
    assert facts["manifest"]["files"]["generator.pt"]["sha256"] == facts["digest"]


def test_64_requests_at_once_share_forward_passes_and_stay_what_they_are(service: Any) -> None:
    alone = generate(service, n=64, seed=1000, padding=0)
    expected = pixels(alone).reshape(8, 16, 8, 16, 3).swapaxes(1, 2).reshape(64, 16, 16, 3)
    passes, images = metric(service, "tessera_batch_size_count"), metric(service, "tessera_batch_size_sum")
    generate(service, n=200, seed=5)  # busy, so that the others gather
    made: dict[int, Any] = {}

    def ask(k: int) -> None:
        made[k] = pixels(generate(service, seed=1000 + k, padding=0))

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((made[k] == expected[k]).all() for k in range(64))
    assert metric(service, "tessera_batch_size_sum") - images == 264
    assert metric(service, "tessera_batch_size_count") - passes < 64


def test_a_damaged_model_is_refused_with_a_sentence_and_the_others_serve(service: Any) -> None:
    assert service.client.post("/generate", json={"model": "broken"}).status_code == 404
    said = [line["message"] for line in service.lines if line["level"] == "error"]
    assert len(said) == 1
    assert "broken@1" in said[0]
    assert "generator.pt" in said[0]


def test_another_process_gives_the_same_bytes_and_its_drain_loses_nothing(
    service: Any, start_ready: Any, models_dir: Path
) -> None:
    before = generate(service, n=9, seed=77)
    with start_ready(models_dir, drain_notice_s=0.3) as running:
        after = generate(running, n=9, seed=77)
        statuses = drain_under_load(running, clients=8)
        assert running.exit_code() == 0
    assert after.content == before.content
    assert after.headers["etag"] == before.headers["etag"]
    assert set(statuses) == {200, 503}


def drain_under_load(running: Any, clients: int) -> list[int]:
    """The statuses of requests that are sent, one after the other by each client, until the service has gone."""
    statuses: list[int] = []

    def ask_on() -> None:
        while not statuses or statuses[-1] != 503:
            try:
                statuses.append(running.client.post("/generate", json={"n": 16}).status_code)
            except httpx.ConnectError:
                return  # the port has closed: nothing was accepted

    threads = [threading.Thread(target=ask_on) for _ in range(clients)]
    for thread in threads:
        thread.start()
    while len(statuses) < 2 * clients:
        time.sleep(0.01)
    running.signal()
    for thread in threads:
        thread.join()
    return statuses


def test_without_a_model_it_starts_and_says_why_it_is_not_ready(start_process: Any, tmp_path: Path) -> None:
    with start_process("-m", "app", models_dir=tmp_path / "nothing", device="cpu") as running:
        until = time.monotonic() + 30
        while "loaded and proved" in running.client.get("/readyz").text:
            assert time.monotonic() < until
        ready = running.client.get("/readyz")
        assert ready.status_code == 503
        assert "nothing" in ready.json()["status"]
        assert running.client.get("/livez").status_code == 200
        assert running.client.get("/docs").status_code == 200
        assert running.client.post("/generate").json()["code"] == "not_loaded"
        running.signal()
        assert running.exit_code() == 0


def ended(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app"],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=HERE.parents[1],
    )


def test_wrong_settings_are_named_and_end_it_with_their_own_code() -> None:
    result = ended(TESSERA_PORT="eighty", TESSERA_MAX_IMAGES="0")
    assert result.returncode == 78
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["TESSERA_PORT", "TESSERA_MAX_IMAGES"]


def test_a_port_in_use_ends_it(service: Any, tmp_path: Path) -> None:
    result = ended(TESSERA_HOST="127.0.0.1", TESSERA_PORT=service.url.split(":")[-1], TESSERA_MODELS_DIR=str(tmp_path))
    assert result.returncode == 3
    assert "address already in use" in result.stdout
