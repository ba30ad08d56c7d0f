"""The entry points and the health command of the images, with only the files that an image holds."""

import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import PREFIX, Settings
from tests.containers.files import ROOT, copies, filled, last, services


def entry_point(stage: str, *arguments: str) -> list[str]:
    python, *words = json.loads(last(stage, "ENTRYPOINT"))
    assert python == "python"
    return [sys.executable, *words, *arguments]


def image(stage: str, folder: Path) -> Path:
    """WORKDIR as the image has it."""
    for *sources, destination in copies(stage):
        if not destination.startswith("/"):
            for source in sources:
                target = folder / destination / ("" if destination != "./" else source)
                if (ROOT / source).is_dir():
                    shutil.copytree(ROOT / source, target, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / source, target)
    return folder


def healthy(port: int) -> int:
    """The exit code of the image's health command."""
    flags, command = last("serve", "HEALTHCHECK").split("CMD ", 1)
    assert "--start-period=" in flags
    words = json.loads(command)
    assert words[0] == "python", "the image has no curl"
    environment = {"PATH": "/usr/bin:/bin", "TESSERA_PORT": str(port)}
    return subprocess.run([sys.executable, *words[1:]], env=environment, stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def answering() -> Iterator[Callable[[int], int]]:
    """A server that answers every GET with the given status; gives its port."""
    servers: list[http.server.HTTPServer] = []

    def serve(status: int) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/readyz" else 404)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever).start()
        return servers[-1].server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_command_says_what_readyz_says(answering: Callable[[int], int], status: int, code: int) -> None:
    assert healthy(answering(status)) == code


def test_the_health_command_fails_where_nothing_listens() -> None:
    assert healthy(1) == 1


def test_the_health_command_asks_the_default_port() -> None:
    assert f"or {Settings.model_fields['port'].default}" in last("serve", "HEALTHCHECK")


def test_the_serve_image_starts_answers_and_stops(tmp_path: Path) -> None:
    folder = image("serve", tmp_path / "srv")
    variables = {"HOST": "127.0.0.1", "PORT": "0", "DEVICE": "cpu", "DRAIN_NOTICE_S": "0"}
    environment = {"PATH": "/usr/bin:/bin"} | {f"{PREFIX}{name}": value for name, value in variables.items()}
    log = tmp_path / "log"
    with log.open("w") as output:
        process = subprocess.Popen(entry_point("serve"), cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        wait_until(lambda: "running on http" in log.read_text(), process, log)
        port = int(re.findall(r"running on http://127\.0\.0\.1:(\d+)", log.read_text())[0])
        wait_until(lambda: healthy(port) == 0, process, log)
        assert "avatars" in httpx.get(f"http://127.0.0.1:{port}/models", timeout=10).text
        process.send_signal(getattr(signal, last("serve", "STOPSIGNAL")))
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 120
    while not holds():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.2)


def test_the_train_image_starts_and_knows_what_compose_asks_of_it(tmp_path: Path) -> None:
    service = services()["train"]
    command = [filled(word) for word in service["command"]]
    mounted = [filled(volume).split(":")[1] for volume in service["volumes"]]
    done = subprocess.run(
        entry_point("train", *command, "--help"),
        cwd=image("train", tmp_path / "srv"),
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert command[1] in mounted
    assert "(default: runs)" in " ".join(done.stdout.split())
    assert {f"{last('train', 'WORKDIR')}/{folder}" for folder in ("runs", "models")} <= set(mounted)
