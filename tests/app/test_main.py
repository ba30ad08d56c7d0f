import asyncio
import logging
import os
import signal
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import DeviceLost
from app.front import tracing
from app.lifecycle import Lifecycle, Stage
from app.loading import STUCK_AFTER_S
from app.main import VERSION, create_app
from app.settings import Settings


class Loading:
    """A registry whose load waits to be let through, then raises `failure` or serves `models`."""

    def __init__(self, inner: Any, failure: Exception | None = None) -> None:
        self.inner, self.failure = inner, failure
        self.go = asyncio.Event()
        self.loaded = False
        self.calls: list[str] = []
        self.reloads = 0

    async def reload(self) -> None:
        await self.go.wait()
        self.reloads += 1
        if self.failure is not None:
            raise self.failure
        self.loaded = True

    def models(self) -> list[Any]:
        return self.inner.models() if self.loaded else []

    def get(self, ref: str | None) -> Any:
        return self.inner.get(ref)

    @property
    def refused(self) -> Any:
        return self.inner.refused

    async def drain(self) -> None:
        self.calls.append("drain")

    def stop(self) -> None:
        self.calls.append("stop")


def make(registry: Any, **options: Any) -> tuple[Any, Lifecycle]:
    lifecycle = Lifecycle()
    admission = type("Open", (), {"refusal": lambda *_: None})()
    return create_app(Settings(), lifecycle=lifecycle, registry=registry, admission=admission, **options), lifecycle


def client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def test_the_version_is_the_packages() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_it_answers_while_it_loads_and_is_ready_after(paint_model: Any, paint_registry: Any) -> None:
    async def main() -> None:
        registry = Loading(paint_registry(paint_model("avatars")))
        app, _ = make(registry, background_loading=True)
        async with app.router.lifespan_context(app), client(app) as http:
            assert (await http.get("/livez")).status_code == 200
            assert (await http.get("/readyz")).status_code == 503
            refused = await http.post("/generate")
            assert (refused.status_code, refused.json()["code"]) == (503, "not_loaded")
            registry.go.set()
            while (await http.get("/readyz")).status_code != 200:
                await asyncio.sleep(0)
            assert (await http.post("/generate")).status_code == 200
        assert registry.calls == ["drain", "stop"]

    asyncio.run(main())


def test_in_the_foreground_it_is_ready_when_it_starts(paint_model: Any, paint_registry: Any) -> None:
    async def main() -> None:
        registry = Loading(paint_registry(paint_model("avatars")))
        registry.go.set()
        app, lifecycle = make(registry)
        async with app.router.lifespan_context(app):
            assert lifecycle.stage is Stage.READY
        assert lifecycle.stage is Stage.DRAINING

    asyncio.run(main())


@pytest.mark.parametrize(
    ("failure", "stage", "reason"),
    [
        (None, Stage.EMPTY, "models: no model lies here"),
        (DeviceLost("Xid 79"), Stage.LOST, "Xid 79"),
        (RuntimeError("secret"), Stage.EMPTY, "the log says why"),
    ],
)
def test_what_goes_wrong_while_loading_is_the_reason_not_to_be_ready(
    paint_registry: Any, failure: Exception | None, stage: Stage, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        registry = Loading(paint_registry(), failure)
        registry.go.set()
        app, lifecycle = make(registry)
        async with app.router.lifespan_context(app), client(app) as http:
            assert lifecycle.stage is stage
            answer = await http.get("/readyz")
            assert answer.status_code == 503
            assert reason in answer.json()["status"]

    asyncio.run(main())
    assert ("secret" in caplog.text) == isinstance(failure, RuntimeError)


def test_an_engine_that_no_longer_moves_is_not_alive(paint_model: Any, paint_registry: Any) -> None:
    async def main() -> None:
        model = paint_model("avatars")
        app, _ = make(paint_registry(model))
        async with app.router.lifespan_context(app), client(app) as http:
            assert (await http.get("/livez")).status_code == 200
            model.batcher.working_for = STUCK_AFTER_S + 1
            answer = await http.get("/livez")
            assert answer.status_code == 503
            assert "avatars@1" in answer.json()["status"]

    asyncio.run(main())


@pytest.mark.parametrize("wanted", [False, True])
def test_fastapi_makes_spans_only_where_they_are_wanted(
    paint_model: Any, paint_registry: Any, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    asked: list[None] = []

    async def main() -> None:
        app, _ = make(paint_registry(paint_model("avatars")))
        monkeypatch.setattr(tracing, "wanted", lambda: wanted)
        monkeypatch.setattr(app._native_telemetry, "enabled", lambda: asked.append(None))
        started, over = asyncio.Queue(), asyncio.Queue()  # type: ignore[var-annotated]
        over.put_nowait({"type": "lifespan.startup"})
        life = asyncio.create_task(app({"type": "lifespan", "state": {}}, over.get, started.put))
        assert (await started.get())["type"] == "lifespan.startup.complete"
        async with client(app) as http:
            assert (await http.post("/generate")).status_code == 200
            assert (await http.get("/livez")).status_code == 200
        over.put_nowait({"type": "lifespan.shutdown"})
        await life

    asyncio.run(main())
    assert len(asked) == (2 if wanted else 0)


def test_a_misspelt_setting_is_logged(
    paint_registry: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TESSERA_MAX_IMAGE", "9")

    async def main() -> None:
        app, _ = make(paint_registry())
        async with app.router.lifespan_context(app):
            pass

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert "did you mean TESSERA_MAX_IMAGES?" in caplog.text


def test_the_document_needs_no_running_service(paint_registry: Any) -> None:
    app, _ = make(paint_registry())
    assert app.openapi()["info"]["version"] == VERSION
    assert app.openapi() == app.openapi()


def test_sighup_reads_the_models_folder_again(paint_model: Any, paint_registry: Any) -> None:
    async def main() -> None:
        registry = Loading(paint_registry(paint_model("avatars")))
        app, lifecycle = make(registry, background_loading=True)
        async with app.router.lifespan_context(app):
            os.kill(os.getpid(), signal.SIGHUP)  # while the first load is under way
            registry.go.set()
            while registry.reloads < 2:
                await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGHUP)
            while registry.reloads < 3:
                await asyncio.sleep(0)
            assert lifecycle.stage is Stage.READY
        assert registry.calls == ["drain", "stop"]

    before = signal.getsignal(signal.SIGHUP)
    asyncio.run(main())
    assert signal.getsignal(signal.SIGHUP) == before
