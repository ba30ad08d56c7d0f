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
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_one_version() -> None:
    assert PROJECT["project"]["version"] == VERSION


def test_every_package_of_the_tree_is_listed() -> None:
    tree = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for half in ("app", "training")
        for path in (ROOT / half).rglob("*.py")
    }
    assert sorted(tree) == sorted(PROJECT["tool"]["setuptools"]["packages"])


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout stays as it is; with the setuptools of this environment."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, source)
    for half in ("app", "training"):
        shutil.copytree(ROOT / half, source / half, ignore=shutil.ignore_patterns("__pycache__"))
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "."]
    subprocess.run([*command, f"--wheel-dir={out}"], cwd=source, check=True, capture_output=True)
    (built,) = out.iterdir()
    return built


def test_the_wheel_holds_every_file_of_both_halves_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    tree = {
        str(path.relative_to(ROOT))
        for half in ("app", "training")
        for path in (ROOT / half).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == tree


@pytest.mark.parametrize("command", ["tessera-serve", "tessera-train"])
def test_the_console_scripts_run_without_the_checkout(command: str, wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", f"--target={place}"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    environment = {"PYTHONPATH": str(place), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-P", str(place / "bin" / command), "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout
