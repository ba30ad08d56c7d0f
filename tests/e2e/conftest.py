"""Real processes to ask, to signal and to wait for."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Running:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self._listening = threading.Event()
        self.url = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        assert self._listening.wait(120)  # a busy machine starts slowly
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self.lines.append(line)
            if "running on http" in line["message"]:
                self.url = line["message"].split()[3]
                self._listening.set()

    def signal(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def exit_code(self, timeout: float = 20) -> int:
        return self.process.wait(timeout)

    def close(self) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


Start = Callable[..., AbstractContextManager[Running]]


@pytest.fixture(scope="session")
def start_process() -> Start:
    @contextmanager
    def start(*command: str, **settings: Any) -> Iterator[Running]:
        variables = {
            name if name.isupper() else f"TESSERA_{name.upper()}": str(value) for name, value in settings.items()
        }
        environment = dict(os.environ) | {"TESSERA_HOST": "127.0.0.1", "TESSERA_PORT": "0"} | variables
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        running = Running(
            subprocess.Popen(
                [sys.executable, *command],
                env=environment | {"PYTHONPATH": os.pathsep.join(paths)},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        try:
            yield running
        finally:
            running.close()

    return start


@pytest.fixture(scope="session")
def published() -> Any:
    """The module published.py, which writes small models that really generate."""
    spec = importlib.util.spec_from_file_location("published", HERE / "published.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def publish(published: Any) -> Any:
    """publish(models_dir, name, version, classes) writes such a model and gives its folder."""
    return published.publish


@pytest.fixture(scope="session")
def start_painted(start_process: Start) -> Start:
    """A service over painted models that takes `seconds` to answer; below 0: its device is lost."""

    def start(seconds: float = 0.0, **settings: Any) -> AbstractContextManager[Running]:
        return start_process(str(HERE / "painted_service.py"), str(seconds), **settings)

    return start


@pytest.fixture(scope="session")
def start_ready(start_process: Start) -> Start:
    """`python -m app` over a folder of models, on the CPU unless told otherwise, once it is ready."""

    @contextmanager
    def start(models_dir: Path, **settings: Any) -> Iterator[Running]:
        with start_process("-m", "app", models_dir=models_dir, **{"device": "cpu"} | settings) as running:
            until = time.monotonic() + 300  # a busy machine proves models slowly
            while running.client.get("/readyz").status_code != 200:
                assert time.monotonic() < until, running.lines
                time.sleep(0.05)
            yield running

    return start


@pytest.fixture(scope="session")
def bundled(start_ready: Start) -> Iterator[Running]:
    """The models of the repository, as `make run` serves them."""
    with start_ready(ROOT / "models") as running:
        yield running
