"""The package: the list of packages, the wheel, and its commands in a place where there is no checkout."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.main import VERSION

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("app", "training", "tessera_client")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


CLIENT_NEEDS = PROJECT["project"]["optional-dependencies"]["client"]


def test_one_version() -> None:
    assert PROJECT["project"]["version"] == VERSION


def test_every_package_of_the_tree_is_listed() -> None:
    tree = {".".join(path.parent.relative_to(ROOT).parts) for house in HOUSES for path in (ROOT / house).rglob("*.py")}
    assert sorted(tree | {"models"}) == sorted(PROJECT["tool"]["setuptools"]["packages"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout stays as it is; with the setuptools of this environment."""
    source = tmp_path_factory.mktemp("source")
    (source / "models").mkdir()
    for name in ("pyproject.toml", "LICENSE", "README.md", "models/manifest.schema.json"):
        shutil.copy(ROOT / name, source / name)
    for house in HOUSES:
        shutil.copytree(ROOT / house, source / house, ignore=shutil.ignore_patterns("__pycache__"))
    return build(source, tmp_path_factory.mktemp("wheel"))


def build(source: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, f"--wheel-dir={out}"], cwd=source, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def test_the_client_is_a_package_of_its_own_too(tmp_path: Path) -> None:
    folder = ROOT / "tessera_client"
    source = shutil.copytree(folder, tmp_path / "source", ignore=shutil.ignore_patterns("__pycache__"))
    with zipfile.ZipFile(build(source, tmp_path / "wheel")) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA"))
    tree = {path.name for path in folder.iterdir() if path.suffix == ".py"} | {"py.typed"}
    assert held == {f"tessera_client/{name}" for name in tree}
    lines = [line for line in metadata.splitlines() if line.startswith(("Version", "Requires-Dist"))]
    assert lines == [f"Version: {VERSION}", *(f"Requires-Dist: {text}" for text in CLIENT_NEEDS)]


def test_the_wheel_holds_every_file_of_both_halves_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    tree = {
        str(path.relative_to(ROOT))
        for house in HOUSES
        for path in (ROOT / house).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "pyproject.toml"
    }
    assert held == tree | {"models/manifest.schema.json"}


@pytest.fixture(scope="module")
def place(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, installed away from the checkout."""
    folder = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", f"--target={folder}"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    return folder


def run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(place), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-P", *arguments]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("command", ["tessera-serve", "tessera-train"])
def test_the_console_scripts_run_without_the_checkout(command: str, place: Path) -> None:
    done = run(place, str(place / "bin" / command), "--help")
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout


def test_the_trainer_finds_the_format_without_the_checkout(place: Path) -> None:
    done = run(place, "-c", "from training.manifest import SCHEMA; print(SCHEMA); SCHEMA.read_text()")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(place))
