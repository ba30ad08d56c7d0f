"""A service over painted models, for tests that need a process: python painted_service.py SECONDS_PER_ANSWER."""

import asyncio
import importlib.util
import sys
from pathlib import Path
from typing import Any

from app import logs, server
from app.errors import DeviceLost
from app.lifecycle import Lifecycle
from app.main import create_app
from app.settings import Settings

PAINTED = Path(__file__).parents[1] / "app" / "conftest.py"


def _conftest() -> Any:
    spec = importlib.util.spec_from_file_location("painted_conftest", PAINTED)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Slow:
    """A gate that opens by itself after some seconds; seconds below 0: the device is lost."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    async def wait(self) -> None:
        if self.seconds < 0:
            raise DeviceLost("Xid 79: fallen off the bus")
        await asyncio.sleep(self.seconds)


class Open:
    def refusal(self, *facts: Any) -> None: ...


def main() -> None:
    painted = _conftest()
    model = painted.painted("avatars", encodes=True)
    if seconds := float(sys.argv[1]):
        model.batcher.gate = Slow(seconds)
    settings = Settings()
    logs.configure(settings.log_level)
    lifecycle = Lifecycle()
    app = create_app(settings, lifecycle=lifecycle, registry=painted.PaintedRegistry(model), admission=Open())
    server.Server(app, settings, lifecycle).run()


if __name__ == "__main__":
    main()
