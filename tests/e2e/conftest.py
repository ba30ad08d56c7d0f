"""Real processes to ask, to signal and to wait for."""

import json
import os
import signal
import subprocess
import sys
import threading
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
        assert self._listening.wait(30)
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
def start_painted(start_process: Start) -> Start:
    """A service over painted models that takes `seconds` to answer; below 0: its device is lost."""

    def start(seconds: float = 0.0, **settings: Any) -> AbstractContextManager[Running]:
        return start_process(str(HERE / "painted_service.py"), str(seconds), **settings)

    return start
