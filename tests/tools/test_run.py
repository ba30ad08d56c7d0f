"""`make run` at its edges, against a server that answers as it is told to."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tools import run

ROOT = Path(__file__).resolve().parents[2]


class Answers(BaseHTTPRequestHandler):
    """A service that takes a moment to become ready."""

    readyz: ClassVar[list[int]] = []
    grid: ClassVar[tuple[int, bytes]] = (200, b"picture")
    asked: ClassVar[list[Any]] = []

    def do_GET(self) -> None:
        self._answer(self.readyz.pop(0) if self.readyz else 200, b'{"status": "loading"}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append((self.path, body, self.headers.get("X-API-Key")))
        self._answer(*self.grid)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


class Child:
    returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    for name, value in (("readyz", []), ("grid", (200, b"picture")), ("asked", [])):
        monkeypatch.setattr(Answers, name, value)
    monkeypatch.setattr(run, "GRID", tmp_path / "out" / "grid.png")
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_grid_is_asked_for_once_ready(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Answers.readyz.extend([503, 503])
    run.wait_until_ready(Child(), url)  # type: ignore[arg-type]
    run.write_grid(url)
    run.show(url)
    assert run.GRID.read_bytes() == b"picture"
    assert Answers.asked == [("/generate", run.ORDER, None)]
    printed, complained = capsys.readouterr()
    assert complained == "not ready: loading\n"
    assert str(run.GRID) in printed
    assert f"{url}/docs" in printed


def test_the_printed_line_works_in_a_shell(url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    run.show(url)
    (line,) = re.findall(r"curl .*", capsys.readouterr().out)
    subprocess.run(["sh", "-c", line], cwd=tmp_path, check=True)
    assert (tmp_path / "grid.png").read_bytes() == b"picture"
    assert Answers.asked == [("/generate", run.ORDER, None)]


def test_a_key_is_sent_and_never_shown(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_API_KEYS", "first-key, second-key")
    run.write_grid(url)
    run.show(url)
    assert Answers.asked[0][2] == "first-key"
    assert "first-key" not in capsys.readouterr().out


def test_an_error_of_the_service_is_told_and_leaves_no_file(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "grid", (404, b"no such model"))
    with pytest.raises(run.NotServed, match="404: no such model"):
        run.write_grid(url)
    assert not run.GRID.exists()


def test_a_service_that_ends_is_not_waited_for(url: str) -> None:
    child = Child()
    child.returncode = 78
    with pytest.raises(run.NotServed, match="ended with code 78"):
        run.wait_until_ready(child, url)  # type: ignore[arg-type]


def test_a_service_that_never_gets_ready_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LONGEST_START_S", 0.3)
    Answers.readyz.extend([503] * 100)
    with pytest.raises(run.NotServed, match=r"not ready within .* loading"):
        run.wait_until_ready(Child(), url)  # type: ignore[arg-type]


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environment = {"PATH": "/usr/bin:/bin", "TESSERA_HOST": "127.0.0.1", "TESSERA_PORT": str(port)}
        done = subprocess.run(
            [sys.executable, "-m", "tools.run"], cwd=ROOT, env=environment, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port}" in done.stderr
    assert "TESSERA_PORT=8001 make run" in done.stderr


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5"])
def test_no_port_number(port: str) -> None:
    with pytest.raises(run.NotServed, match="no port number"):
        run.free_port("127.0.0.1", port)


def test_port_0_becomes_one_that_is_free() -> None:
    assert run.free_port("127.0.0.1", "0") > 0
