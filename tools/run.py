"""python -m tools.run (`make run`): starts the service, asks it for one grid over HTTP, and goes on serving."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GRID = ROOT / "out" / "grid.png"
ORDER = {"n": 64, "seed": 7}
LONGEST_START_S = 300
WILDCARDS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class NotServed(Exception):
    """A sentence for the person at the terminal."""


def main() -> int:
    listen = os.environ.get("TESSERA_HOST", "")
    host = WILDCARDS.get(listen, listen)
    try:
        port = free_port(host, os.environ.get("TESSERA_PORT") or "8000")
    except NotServed as error:
        print(error, file=sys.stderr)
        return 1
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    # A session of its own: Ctrl-C then reaches the service once, from here, and not a second time from the terminal.
    service = subprocess.Popen(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env={**os.environ, "TESSERA_PORT": str(port)},
        start_new_session=True,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: service.send_signal(received))
    try:
        wait_until_ready(service, url)
        write_grid(url)
        show(url)
    except NotServed as error:
        print(error, file=sys.stderr)
        service.terminate()
        return service.wait() or 1
    return service.wait()


def free_port(host: str, wanted: str) -> int:
    """The port to serve on; 0 becomes one that is free now. Raises NotServed when it is taken or no number."""
    if not (wanted.isascii() and wanted.isdigit() and int(wanted) <= 65535):
        raise NotServed(f"TESSERA_PORT is {wanted!r}, which is no port number")
    try:
        family, *_, address = socket.getaddrinfo(host, int(wanted), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise NotServed(
            f"cannot listen on {host} port {wanted} ({error.strerror}); if something else serves there, "
            "choose another port: TESSERA_PORT=8001 make run"
        ) from None


def wait_until_ready(service: subprocess.Popen[bytes], url: str) -> None:
    """Until /readyz answers 200; what it says meanwhile is printed once. Raises NotServed."""
    said, deadline = "", time.monotonic() + LONGEST_START_S
    while time.monotonic() < deadline:
        if service.poll() is not None:
            raise NotServed(f"the service ended with code {service.returncode} before it was ready")
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5):
                return
        except urllib.error.HTTPError as answer:
            with answer:
                status = str(json.load(answer)["status"])
            if status != said:
                print(f"not ready: {status}", file=sys.stderr, flush=True)
                said = status
        except OSError:
            pass  # not listening yet
        time.sleep(0.5)
    raise NotServed(f"the service was not ready within {LONGEST_START_S} seconds: {said or 'no answer'}")


def write_grid(url: str) -> None:
    """One grid over HTTP into GRID, by rename. Raises NotServed with what the service answered instead."""
    headers = {"Content-Type": "application/json", "Accept": "image/png"}
    if key := first_key():
        headers["X-API-Key"] = key
    request = urllib.request.Request(f"{url}/generate", json.dumps(ORDER).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            picture = answer.read()
    except urllib.error.HTTPError as problem:
        with problem:
            raise NotServed(f"POST /generate was answered {problem.code}: {problem.read().decode()}") from None
    except OSError as error:
        raise NotServed(f"POST /generate failed: {error}") from None
    GRID.parent.mkdir(exist_ok=True)
    partial = GRID.with_suffix(".partial")
    partial.write_bytes(picture)
    partial.replace(GRID)


def show(url: str) -> None:
    key = " -H 'X-API-Key: ...'" if first_key() else ""
    print(
        f"\n  a grid of {ORDER['n']} new images:  {GRID}\n"
        f"  the same from a shell:   curl -sS {url}/generate -H 'Content-Type: application/json'{key}"
        f" -d '{json.dumps(ORDER)}' -o grid.png\n"
        f"  the docs:                {url}/docs\n"
        "  Ctrl-C ends the service.\n",
        flush=True,
    )


def first_key() -> str:
    return os.environ.get("TESSERA_API_KEYS", "").split(",")[0].strip()


if __name__ == "__main__":
    sys.exit(main())
