"""Files that nothing else looks after."""

import json
import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_ci_runs_what_people_run() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "set -eu" in script
    assert re.findall(r"^make (\w+)$", script, re.MULTILINE) == ["check", "test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text.splitlines()[1]
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_npm_lock_pins_every_package_and_names_no_host() -> None:
    text = (ROOT / "datasets" / "package-lock.json").read_text(encoding="utf-8")
    assert "http" not in text
    packages = json.loads(text)["packages"]
    wanted = json.loads((ROOT / "datasets" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert packages[""]["dependencies"] == wanted
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)


def test_no_test_folder_is_a_package() -> None:
    """pytest imports by path (importlib mode), so that file names may repeat."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
