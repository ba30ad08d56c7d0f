"""Real servers on loopback: started, waited for, read out, and ended with everything that they started."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOOPBACK = "127.0.0.1"
_LONGEST_START_S = 300.0
_LONGEST_END_S = 60.0


class ServerError(Exception):
    """It did not start, or did not answer as it must; the message ends with the end of its log."""


class Server:
    """A process in a session of its own that listens on `port` of loopback."""

    def __init__(self, command: Sequence[str], port: int, environment: Mapping[str, str], log: Path) -> None:
        self.port = port
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ask(self, method: str, path: str, body: bytes | None = None, timeout: float = 30) -> tuple[int, bytes]:
        """Status and body. Raises OSError where nobody listens."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise OSError(f"no whole answer: {error!r}") from error
        finally:
            connection.close()

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Raises ServerError when the process ends first, or takes too long."""
        until = time.monotonic() + _LONGEST_START_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise ServerError(f"ended with status {self.process.returncode}\n{self.log_tail()}")
            with suppress(OSError):
                if ready():
                    return
            time.sleep(0.1)
        raise ServerError(f"not ready within {_LONGEST_START_S:.0f} s\n{self.log_tail()}")

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> int:
        """SIGTERM, then what is left of its session is killed. Returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(_LONGEST_END_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._kill_session()
        return self.process.wait()

    def _kill_session(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Service(Server):
    """This project's service."""

    def ready(self) -> bool:
        return self.ask("GET", "/readyz", timeout=5)[0] == 200

    def metrics(self) -> dict[str, float]:
        """Sum over the labels of each metric, by name without the prefix `tessera_`; 0 before it was first counted."""
        _, text = self.ask("GET", "/metrics")
        found: defaultdict[str, float] = defaultdict(float)
        for line in text.decode().splitlines():
            if not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name = series.partition("{")[0].removeprefix("tessera_")
                found[name] += float(value)
        return found


@contextmanager
def serving(models: Path, **settings: Any) -> Iterator[Service]:
    """The service on these models, ready. Settings by their lower-case names: max_batch_size=16."""
    port = free_port()
    environment = {f"TESSERA_{name.upper()}": str(value) for name, value in settings.items()}
    environment |= {"TESSERA_HOST": LOOPBACK, "TESSERA_PORT": str(port), "TESSERA_MODELS_DIR": str(models)}
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        command = [sys.executable, "-m", "app"]
        service = Service(command, port, environment, Path(folder) / "log")
        try:
            service.wait_until(service.ready)
            yield service
        finally:
            service.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
