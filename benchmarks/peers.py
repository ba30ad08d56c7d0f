"""The same load on this service and on others that serve the same TorchScript file, in one run.

    python -m benchmarks.peers       (`make bench-peers`; about 8 minutes, the first time also the installing)

Each peer is a file in benchmarks/servers/, written as its documentation recommends, and runs from an environment of its
own in out/peers/, installed from the pinned list beside that file; torch, numpy and Pillow are this project's, so that
all compute with the same libraries. The servers take turns, round after round. Images per second are means of the
rounds.
"""

import hashlib
import importlib.util
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.registry.store import discover, verify
from benchmarks import client
from benchmarks.plan import Stream, Summary
from benchmarks.report import Check, Report, milliseconds, parser
from benchmarks.service import Server, ServerError, free_port, serving
from benchmarks.tutorial import models_folder

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ROOT / "benchmarks" / "servers"
ENVIRONMENTS = ROOT / "out" / "peers"
CASES = ((1, 64), (16, 16))  # images a request, connections
WARM_UP_S = 3.0
OURS = "tessera"


@dataclass(frozen=True)
class Peer:
    """wanted: how many times as fast this service is to be, for each of CASES."""

    name: str
    package: str
    wanted: tuple[float, float]
    environment: dict[str, str] = field(default_factory=dict)


PEERS = (
    Peer("plain FastAPI", "fastapi", (3.5, 2.0)),
    Peer("LitServe", "litserve", (2.5, 2.5)),
    Peer("mosec", "mosec", (2.0, 2.3)),
    Peer("Ray Serve", "ray", (4.0, 3.0), {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}),
)


def main() -> int:
    parse = parser(__doc__, seconds=10)
    parse.add_argument("--rounds", type=int, default=2)
    parse.add_argument("--only", nargs="+", choices=[peer.package for peer in PEERS], help="these peers, not all")
    options = parse.parse_args()
    peers = [peer for peer in PEERS if options.only is None or peer.package in options.only]
    for peer in peers:
        install(peer)
    found: dict[str, list[list[Summary]]] = {}
    missing: dict[str, str] = {}
    report = Report("peers", "The same file, the same load, other servers")
    with models_folder(options.models) as models:
        for _ in range(options.rounds):
            with serving(models) as service:
                found.setdefault(OURS, []).append(measured(service, options.seconds))
            for peer in peers:
                try:
                    with running(peer, models) as server:
                        found.setdefault(peer.name, []).append(measured(server, options.seconds))
                except (ServerError, OSError) as error:
                    missing[peer.name] = str(error)
    tell(report, found, [peer for peer in peers if peer.name in found], options.rounds)
    for name, reason in missing.items():
        report.add(f"{name} could not be measured in every round:\n\n```\n{reason}\n```")
    report.write(options.results)
    return 1 if missing else 0


def install(peer: Peer) -> Path:
    """The peer's Python, in its environment; nothing to do if the pinned list was installed there before."""
    pins = SERVERS / f"{peer.package}.txt"
    folder = ENVIRONMENTS / peer.package
    python = folder / "bin" / "python"
    done = folder / f"installed-{hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()[:12]}"
    if done.exists():
        return python
    print(f"installing {peer.name} into {folder.relative_to(ROOT)}", file=sys.stderr, flush=True)
    venv.create(folder, clear=True, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--requirement", str(pins)], check=True)
    torch = importlib.util.find_spec("torch")
    assert torch is not None
    assert torch.origin is not None
    (libraries,) = folder.glob("lib/python*/site-packages")
    # Paths of .pth files come after the environment's own: only what it lacks is found there.
    (libraries / "shared.pth").write_text(f"{Path(torch.origin).parents[1]}\n")
    done.touch()
    return python


@contextmanager
def running(peer: Peer, models: Path) -> Iterator[Server]:
    """The peer on the published model, ready."""
    model = verify(discover(models)[0])
    port = free_port()
    environment = {
        "GENERATOR": str(model.folder / "generator.pt"),
        "Z_DIM": str(model.manifest.latent.dim),
        "PORT": str(port),
        "PYTHONPATH": str(ROOT),
        "PATH": f"{ENVIRONMENTS / peer.package / 'bin'}:{os.environ.get('PATH', '')}",
        **peer.environment,
    }
    command = [str(install(peer)), "-m", f"benchmarks.servers.on_{peer.package}"]
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        server = Server(command, port, environment, Path(folder) / "log")
        try:
            server.wait_until(lambda: server.ask("POST", "/generate", b'{"n": 1}')[0] == 200)
            yield server
        finally:
            server.stop()


def measured(server: Server, seconds: float) -> list[Summary]:
    """One summary for each of CASES. Raises ServerError unless it answers with grids of the right size."""
    summaries = []
    for n, connections in CASES:
        status, body = server.ask("POST", "/generate", b'{"n": %d}' % n, timeout=60)
        side = {1: 68, 16: 266}[n]
        if status != 200 or body[:8] != b"\x89PNG\r\n\x1a\n" or struct.unpack(">2I", body[16:24]) != (side, side):
            raise ServerError(f"n={n} was answered {status}, {body[:200]!r}\n{server.log_tail()}")
        warm_up = min(WARM_UP_S, seconds)
        stream = Stream("load", [{"n": n}], connections, seconds + warm_up, warm_up_s=warm_up)
        summaries += client.measure(server.port, stream)
    return summaries


def tell(report: Report, found: dict[str, list[list[Summary]]], peers: list[Peer], rounds: int) -> None:
    checks = []
    for case, (n, connections) in enumerate(CASES):
        rates = {name: [of[case].images_per_second for of in measured] for name, measured in found.items()}
        ours = statistics.mean(rates[OURS])
        rows = []
        for name, measured in found.items():
            mean = statistics.mean(rates[name])
            rows.append(
                [
                    name,
                    f"{mean:.0f}",
                    " ".join(f"{rate:.0f}" for rate in rates[name]),
                    f"{ours / mean:.2f}" if mean else "-",
                    milliseconds(statistics.mean(of[case].served.p50 for of in measured)),
                    milliseconds(statistics.mean(of[case].served.p99 for of in measured)),
                    f"{statistics.mean(of[case].bytes / max(1, of[case].images) for of in measured):,.0f}",
                    str(sum(sum(of[case].statuses.values()) - of[case].statuses.get("200", 0) for of in measured)),
                ]
            )
        report.add(f"## n={n}, {connections} connections, closed loop")
        headings = ["server", "images/s", f"in {rounds} rounds", "tessera is x times as fast", "p50 ms", "p99 ms"]
        report.table([*headings, "bytes an image", "not served"], rows)
        for peer in peers:
            theirs = statistics.mean(rates[peer.name])
            promise = f"n={n}, {connections} connections, against {peer.name}: >= {peer.wanted[case]}x"
            measured_ratio = f"{ours / theirs:.2f}x" if theirs else "it answered nothing in time: measure longer"
            checks.append(Check(promise, measured_ratio, theirs > 0 and ours / theirs >= peer.wanted[case]))
    report.checks(*checks)


if __name__ == "__main__":
    sys.exit(main())
