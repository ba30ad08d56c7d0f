import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from app.api import health
from app.lifecycle import Lifecycle
from app.telemetry import Telemetry


class Probe:
    def __init__(self) -> None:
        self.lifecycle, self.stuck = Lifecycle(), ""
        self.app = FastAPI()
        self.app.include_router(health.router(self.lifecycle, Telemetry(), lambda: self.stuck))

    def get(self, path: str) -> tuple[int, str]:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.get(path)

        answer = asyncio.run(ask())
        return answer.status_code, answer.json()["status"]


@pytest.fixture
def probe() -> Probe:
    return Probe()


def test_alive_but_not_ready_while_loading(probe: Probe) -> None:
    assert probe.get("/livez") == (200, "ok")
    assert probe.get("/readyz") == (503, "models are being loaded and proved")


def test_ready_when_a_model_is_proved(probe: Probe) -> None:
    probe.lifecycle.ready()
    assert probe.get("/readyz") == (200, "ok")


def test_without_a_model_the_reason_is_said(probe: Probe) -> None:
    probe.lifecycle.empty("models: no published model")
    assert probe.get("/livez")[0] == 200
    assert probe.get("/readyz") == (503, "models: no published model")


def test_draining_is_not_ready_but_alive(probe: Probe) -> None:
    probe.lifecycle.ready()
    probe.lifecycle.drain()
    assert probe.get("/livez")[0] == 200
    assert probe.get("/readyz")[0] == 503


def test_a_lost_device_is_not_ready(probe: Probe) -> None:
    probe.lifecycle.ready()
    probe.lifecycle.device_lost("Xid 79")
    assert probe.get("/readyz") == (503, "the accelerator is gone: Xid 79")


def test_a_stuck_engine_is_not_alive(probe: Probe) -> None:
    probe.stuck = "avatars@1: no batch has ended for 60 s"
    assert probe.get("/livez") == (503, probe.stuck)


def test_metrics_are_prometheus_text_and_count_the_requests(client: httpx.Client) -> None:
    client.post("/generate", json={"n": 3})
    client.get("/nowhere/at/all")
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    samples: dict[Any, float] = {}
    for family in text_string_to_metric_families(answer.text):
        samples |= {(sample.name, *sorted(sample.labels.values())): sample.value for sample in family.samples}
    assert samples["tessera_requests_total", "/generate", "200", "POST"] >= 1
    assert samples["tessera_requests_total", "404", "GET", "unmatched"] >= 1
    assert samples["tessera_images_generated_total", "avatars@2"] >= 3
    assert samples["tessera_ready",] == 1
    assert not any("/nowhere" in str(key) for key in samples)
