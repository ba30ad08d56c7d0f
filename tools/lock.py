"""python -m tools.lock: writes requirements/*.lock from pyproject.toml; --check only says whether they are up to date.

pip resolves for the machine it runs on, so the graph is resolved once and then walked for every target with that
target's markers; pip is asked again, without dependencies, which files serve each target, and their hashes are kept.
A pin that some targets do not need gets a marker. Versions stay where they are unless --upgrade says otherwise.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
# Everything that one environment for working on the project needs; the others are parts of it, for the containers.
WHOLE = "dev"
EXTRAS = {"serve": ("serve", "otel"), "words": ("words",), "train": ("train",), "torch": (), WHOLE: ("dev",)}
# torch.lock: PyTorch with the libraries of its accelerator, apart because a CPU-only image takes other files for them.
ACCELERATED = re.compile(r"torch|triton|cuda-.*|nvidia-.*")
MARKERS = (
    'platform_system == "Linux"',
    'platform_system == "Darwin"',
    'platform_machine == "x86_64"',
    'platform_system == "Linux" and platform_machine == "x86_64"',
    'python_version < "3.12"',
    'python_version < "3.13"',
    'python_version >= "3.12"',
    'python_version >= "3.13"',
)


@dataclass(frozen=True)
class Target:
    """One kind of machine that the locks serve."""

    python: str
    system: str
    machine: str

    def environment(self) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": self.system,
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": self.system.lower(),
            "extra": "",
        }

    def pip_options(self) -> list[str]:
        platforms = (
            [f"macosx_14_0_{self.machine}"]
            if self.system == "Darwin"
            else [f"manylinux_2_{minor}_{self.machine}" for minor in range(28, 4, -1)]
            + [f"{name}_{self.machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1", "linux")]
        )
        return [f"--python-version={self.python}", *(f"--platform={platform}" for platform in platforms)]


TARGETS = tuple(
    Target(python, system, machine)
    for system, machine in (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
    for python in ("3.11", "3.12", "3.13")
)


@dataclass(frozen=True)
class Pin:
    """One release, what it requires, and for each target that needs it the hash of the file that serves it."""

    name: str
    version: str
    requires: tuple[Requirement, ...]
    hashes: dict[Target, str]


def inputs() -> dict[str, Any]:
    """The parts of pyproject.toml that decide what the locks hold."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project = document["project"]
    return {
        "dependencies": project["dependencies"],
        "extras": project["optional-dependencies"],
        "lone": document["tool"]["tessera"]["lock"]["without-dependencies"],
        "targets": [f"{target.python} {target.system} {target.machine}" for target in TARGETS],
    }


def digest() -> str:
    return hashlib.sha256(json.dumps(inputs(), sort_keys=True).encode()).hexdigest()


def wanted(lock: str) -> tuple[list[Requirement], list[Requirement]]:
    """What a lock is made for: requirements to resolve, and those to install without what they ask for."""
    read = inputs()
    expanded: list[str] = []
    pending = list(EXTRAS[lock])
    while pending:
        expanded.append(extra := pending.pop())
        for requirement in map(Requirement, read["extras"][extra]):
            if requirement.name == "tessera":
                pending.extend(sorted(requirement.extras))
    texts = [*read["dependencies"], *(text for extra in expanded for text in read["extras"][extra])]
    lone = [text for extra in expanded for text in read["lone"].get(extra, ())]
    return [r for r in map(Requirement, texts) if r.name != "tessera"], list(map(Requirement, lone))


def ask_pip(requirements: Iterable[str], *options: str) -> list[dict[str, Any]]:
    """What pip would install: the `install` part of its report (pip's documentation, "Installation Report")."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
        command += [f"--target={scratch}/nowhere", f"--report={report}", *options, *requirements]
        subprocess.run(command, check=True, stdout=sys.stderr)
        installed: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
        return installed


def resolve(upgrade: list[str] | None) -> dict[str, Pin]:
    """The whole graph. `upgrade`: names that may move, an empty list for all, None for none."""
    requirements, lone = wanted(WHOLE)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as constraints:
        for name, version in () if upgrade == [] else read_pins(FOLDER / f"{WHOLE}.lock").items():
            if name not in (upgrade or ()):
                constraints.write(f"{name}=={version}\n")
        constraints.flush()
        keep = f"--constraint={constraints.name}"
        found = [(entry, False) for entry in ask_pip(map(str, requirements), keep)]
        found += [(entry, True) for entry in ask_pip(map(str, lone), keep, "--no-deps")]
    pins: dict[str, Pin] = {}
    for entry, alone in found:
        facts = entry["metadata"]
        name = canonicalize_name(facts["name"])
        requires = () if alone else tuple(map(Requirement, facts.get("requires_dist", ())))
        pins[name] = Pin(name, facts["version"], requires, {})
    return pins


def reached(roots: Iterable[Requirement], pins: dict[str, Pin], target: Target) -> set[str]:
    """The names that the roots need on this target, through requirements whose markers hold there."""
    seen: set[tuple[str, str]] = set()
    pending = [(root, "") for root in roots]
    while pending:
        requirement, asked_by = pending.pop()
        name = canonicalize_name(requirement.name)
        if name not in pins:
            raise SystemExit(f"{asked_by or 'pyproject.toml'} needs {requirement} on {target}, which pip left out here")
        for extra in {"", *requirement.extras}:
            if (name, extra) not in seen:
                seen.add((name, extra))
                environment = target.environment() | {"extra": extra}
                pending += [
                    (needed, name)
                    for needed in pins[name].requires
                    if needed.marker is None or needed.marker.evaluate(environment)
                ]
    return {name for name, _ in seen}


def add_hashes(pins: dict[str, Pin]) -> None:
    roots = [root for part in wanted(WHOLE) for root in part]
    for target in TARGETS:
        names = sorted(reached(_meant_for(roots, target), pins, target))
        exact = (f"{name}=={pins[name].version}" for name in names)
        print(f"{target.python} {target.system} {target.machine}: {len(names)} packages", file=sys.stderr)
        for entry in ask_pip(exact, "--no-deps", "--implementation=cp", *target.pip_options()):
            name = canonicalize_name(entry["metadata"]["name"])
            pins[name].hashes[target] = entry["download_info"]["archive_info"]["hashes"]["sha256"]


def _meant_for(roots: Iterable[Requirement], target: Target) -> list[Requirement]:
    return [root for root in roots if root.marker is None or root.marker.evaluate(target.environment())]


def members(lock: str, pins: dict[str, Pin]) -> dict[str, set[Target]]:
    """Each name in a lock, with the targets that need it."""
    roots = [root for part in wanted(lock) for root in part]
    needed: dict[str, set[Target]] = defaultdict(set)
    for target in TARGETS:
        for name in reached(_meant_for(roots, target), pins, target):
            accelerated = ACCELERATED.fullmatch(name) is not None
            if lock == WHOLE or accelerated == (lock == "torch"):
                needed[name].add(target)
    return needed


def marker_for(targets: set[Target]) -> str:
    """The shortest marker that holds on exactly these targets."""
    if targets == set(TARGETS):
        return ""
    for text in MARKERS:
        marker = Marker(text)
        if {target for target in TARGETS if marker.evaluate(target.environment())} == targets:
            return f" ; {text}"
    one_by_one = (
        f'python_version == "{target.python}" and platform_system == "{target.system}"'
        f' and platform_machine == "{target.machine}"'
        for target in TARGETS
        if target in targets
    )
    return " ; " + " or ".join(one_by_one)


def render(lock: str, pins: dict[str, Pin]) -> str:
    lines = [
        "# Written by `make lock` from pyproject.toml; do not edit. Every pin names all it needs, so install it with",
        f"#   pip install --no-deps --require-hashes -r requirements/{lock}.lock",
        f"# inputs: sha256:{digest()}",
    ]
    for name, targets in sorted(members(lock, pins).items()):
        hashes = sorted({pins[name].hashes[target] for target in targets})
        lines.append(f"{name}=={pins[name].version}{marker_for(targets)} \\")
        lines.append(" \\\n".join(f"    --hash=sha256:{value}" for value in hashes))
    return "\n".join(lines) + "\n"


def read_pins(path: Path) -> dict[str, str]:
    """Name -> version, of a lock; empty if there is none."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def complaints() -> Iterator[str]:
    """One sentence for each way in which a lock does not fit pyproject.toml."""
    for lock in EXTRAS:
        path = FOLDER / f"{lock}.lock"
        if not path.is_file():
            yield f"{path.relative_to(ROOT)} is missing; run `make lock`"
        elif f"# inputs: sha256:{digest()}\n" not in path.read_text(encoding="utf-8"):
            yield f"{path.relative_to(ROOT)} was made from other requirements than pyproject.toml's; run `make lock`"
    pins = read_pins(FOLDER / f"{WHOLE}.lock")
    for requirement in (requirement for part in wanted(WHOLE) for requirement in part):
        version = pins.get(canonicalize_name(requirement.name))
        if version is not None and not requirement.specifier.contains(version, prereleases=True):
            yield f"requirements/{WHOLE}.lock pins {requirement.name}=={version}, outside {requirement.specifier}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.lock", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a lock is out of date")
    parser.add_argument("--upgrade", nargs="*", metavar="NAME", help="let these move to newer releases; alone: all")
    options = parser.parse_args(arguments)
    if options.check:
        found = list(complaints())
        print(*found, sep="\n", end="\n" if found else "")
        return 1 if found else 0
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    pins = resolve(options.upgrade)
    add_hashes(pins)
    FOLDER.mkdir(exist_ok=True)
    for lock in EXTRAS:
        (FOLDER / f"{lock}.lock").write_text(render(lock, pins), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
