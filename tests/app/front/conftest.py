"""A real uvicorn server on a free port around a small application."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from app.front.front import Front
from app.front.slow_sockets import LimitedProtocol


@dataclass
class Notes:
    """A journal that remembers."""

    requests: list[tuple[str, int, int]] = field(default_factory=list)
    over: threading.Condition = field(default_factory=threading.Condition)

    def arrived(self) -> None: ...

    def request(self, scope: Any, status: int, seconds: float, size: int) -> None:
        with self.over:
            self.requests.append((scope["path"], status, size))
            self.over.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, int, int]]:
        with self.over:
            assert self.over.wait_for(lambda: len(self.requests) >= count, timeout=10)
        return self.requests


Serve = Callable[..., AbstractContextManager[tuple[int, Notes]]]


@pytest.fixture
def serve() -> Serve:
    @contextmanager
    def serve(app: Any, *, limit_s: float = 10.0, max_body_bytes: int = 10_000) -> Iterator[tuple[int, Notes]]:
        notes = Notes()
        front = Front(app, notes, max_body_bytes=max_body_bytes, receive_timeout_s=limit_s)
        config = uvicorn.Config(
            front, port=0, http=LimitedProtocol.with_limit(limit_s), ws="none", lifespan="off", log_config=None
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
            yield server.servers[0].sockets[0].getsockname()[1], notes
        finally:
            server.should_exit = True
            thread.join()

    return serve
