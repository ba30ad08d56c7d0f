"""Getting packages: npm into datasets/node_modules, Debian into the folder of sources. Both check what they fetch."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


class SourceError(Exception):
    """A sentence for the person at the terminal: what could not be had, and what to do."""


def npm_modules(cache: Path) -> Path:
    """Installs exactly what package-lock.json says (npm checks its SHA-512) and returns node_modules."""
    modules = HERE / "node_modules"
    lock = HERE / "package-lock.json"
    stamp = modules / ".tessera-lock"
    if not stamp.is_file() or stamp.read_bytes() != lock.read_bytes():
        _need("npm", "install Node.js 18 or newer with npm")
        # A cache of our own: the home folder may not be writable. No package here needs an install script.
        settings = {"npm_config_cache": str((cache / "npm-cache").resolve()), "npm_config_update_notifier": "false"}
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], HERE, settings)
        stamp.write_bytes(lock.read_bytes())
    return modules


def node(script: str, out: Path, *arguments: str, cache: Path) -> None:
    """Runs a script of this folder, which draws into `out`, with the packages that it needs."""
    npm_modules(cache)
    _need("node", "install Node.js 20.6 or newer")
    run(["node", script, str(out.resolve()), *arguments], HERE)


def debian_package(name: str, cache: Path) -> Path:
    """Downloads and unpacks a Debian package (apt checks its signature) and returns the folder it was unpacked into."""
    folder = cache / name
    if folder.is_dir():
        return folder
    for program in ("apt-get", "dpkg-deb"):
        _need(program, f"the package {name} comes from Debian or Ubuntu")
    partial = cache / f"{name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        run(["apt-get", "download", name], partial)
    except SourceError as error:
        raise SourceError(f"{error}\nif apt does not know the package, run `apt-get update` as root first") from None
    archive = next(partial.glob("*.deb"))
    run(["dpkg-deb", "-x", archive.name, "."], partial)
    archive.unlink()
    partial.rename(folder)
    return folder


def run(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    """Runs a program to its end. Raises SourceError with the last lines it printed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-6:])
        raise SourceError(f"`{' '.join(command)}` failed with code {done.returncode}:\n{last}")


def _need(program: str, advice: str) -> None:
    if shutil.which(program) is None:
        raise SourceError(f"{program} is not on this machine; {advice}")
