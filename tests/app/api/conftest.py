"""The whole application over painted models, behind a real server, shared by the tests of a module."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from app import server
from app.errors import Overloaded
from app.lifecycle import Lifecycle
from app.main import create_app
from app.settings import Settings


class Open:
    """An admission that lets everything in, or refuses everything, or raises what something behind it would."""

    def __init__(self) -> None:
        self.refuses: Exception | None = None

    def refusal(self, *facts: Any) -> Overloaded | None:
        if self.refuses is None or isinstance(self.refuses, Overloaded):
            return self.refuses
        raise self.refuses


Start = Callable[..., AbstractContextManager[httpx.Client]]


@pytest.fixture(scope="session")
def start() -> Start:
    @contextmanager
    def start(registry: Any, settings: Settings, admission: Any = None) -> Iterator[httpx.Client]:
        lifecycle = Lifecycle()
        app = create_app(settings, lifecycle=lifecycle, registry=registry, admission=admission or Open())
        instance = server.Server(app, settings, lifecycle)
        thread = threading.Thread(target=uvicorn.Server.run, args=(instance,))
        thread.start()
        try:
            while not instance.started:
                assert thread.is_alive()
            port = instance.servers[0].sockets[0].getsockname()[1]
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                yield client
        finally:
            instance.should_exit = True
            thread.join()

    return start


@pytest.fixture(scope="module")
def admission() -> Open:
    return Open()


@pytest.fixture(scope="module")
def registry(paint_model: Any, paint_registry: Any) -> Any:
    return paint_registry(paint_model("fashion", classes=("shirt", "shoe", "bag")), paint_model("avatars", version=2))


@pytest.fixture(scope="module")
def client(start: Start, registry: Any, admission: Open) -> Iterator[httpx.Client]:
    with start(
        registry, Settings(host="127.0.0.1", port=0, timeout_ms=5000, max_pixels=1_000_000), admission
    ) as client:
        yield client
