"""uvicorn's protocol over real sockets around a small application; one event loop for all tests, one port each."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from app.front.door import Door
from app.front.front import Front
from app.front.journal import Note
from app.front.limits import BodyLimits
from app.front.turned_away import TurnedAway


@dataclass
class Notes:
    """A journal that remembers."""

    requests: list[tuple[str, int, int]] = field(default_factory=list)
    over: threading.Condition = field(default_factory=threading.Condition)

    def arrived(self) -> None: ...

    def ending(self, scope: Any, status: int) -> Note:
        def note(identity: str, seconds: float, size: int) -> None:
            with self.over:
                self.requests.append((scope["path"], status, size))
                self.over.notify_all()

        return note

    def wait_for(self, count: int) -> list[tuple[str, int, int]]:
        with self.over:
            assert self.over.wait_for(lambda: len(self.requests) >= count, timeout=10)
        return self.requests


Serve = Callable[..., AbstractContextManager[tuple[int, Notes]]]


@pytest.fixture(scope="session")
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    new_loop = uvicorn.Config(None).get_loop_factory()
    assert new_loop is not None
    loop = new_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def serve(running_loop: asyncio.AbstractEventLoop) -> Serve:
    @contextmanager
    def serve(
        app: Any, *, limit_s: float = 10.0, keep_alive_s: float = 5.0, max_body_bytes: int = 10_000
    ) -> Iterator[tuple[int, Notes]]:
        notes, state = Notes(), ServerState()
        turned_away = TurnedAway(notes)
        limits = BodyLimits(max_body_bytes, {"/upload": 30_000})
        front = Front(app, notes, body_limits=limits, receive_timeout_s=limit_s, turned_away=turned_away)
        protocol = Door.of(turned_away, limit_s)
        config = uvicorn.Config(front, http=protocol, ws="none", lifespan="off", log_config=None, access_log=False)
        config.load()
        config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]  # no whole seconds

        async def open_port() -> asyncio.Server:
            return await running_loop.create_server(
                lambda: protocol(config, state, {}), "127.0.0.1", 0, backlog=config.backlog
            )

        async def close_port() -> None:
            server.close()
            for connection in list(state.connections):
                connection.transport.abort()
            await asyncio.gather(*state.tasks, return_exceptions=True)

        server = asyncio.run_coroutine_threadsafe(open_port(), running_loop).result()
        try:
            yield server.sockets[0].getsockname()[1], notes
        finally:
            asyncio.run_coroutine_threadsafe(close_port(), running_loop).result()

    return serve
