"""The locks: whole, exact, fitting pyproject.toml; and how they are made."""

import importlib.metadata
import os
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tools import lock

ROOT = Path(__file__).resolve().parents[2]
DEV = lock.read_pins(ROOT / "requirements" / "dev.lock")


def test_the_locks_fit_pyproject() -> None:
    assert list(lock.complaints()) == []


def test_a_changed_requirement_makes_the_locks_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = lock.inputs() | {"dependencies": [*lock.inputs()["dependencies"], "pillow>=1000"]}
    monkeypatch.setattr(lock, "inputs", lambda: changed)
    found = list(lock.complaints())
    assert len([sentence for sentence in found if "other requirements" in sentence]) == len(lock.EXTRAS)
    assert any("pillow" in sentence and "outside >=1000" in sentence for sentence in found)


@pytest.mark.parametrize("name", lock.EXTRAS)
def test_every_pin_is_exact_and_hashed(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    entries = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace(" \\\n", " ").splitlines()
    assert entries
    for entry in entries:
        requirement, *hashes = re.split(r"\s+--hash=", entry)
        pins = list(Requirement(requirement).specifier)
        assert len(pins) == 1, entry
        assert pins[0].operator == "==", entry
        assert hashes, entry
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes), entry


def test_the_parts_are_taken_from_the_whole() -> None:
    for name in lock.EXTRAS:
        assert lock.read_pins(ROOT / "requirements" / f"{name}.lock").items() <= DEV.items()


def test_only_one_lock_has_the_accelerator() -> None:
    for name in ("serve", "train"):
        pins = lock.read_pins(ROOT / "requirements" / f"{name}.lock")
        assert [pin for pin in pins if pin == "torch" or pin.startswith(("nvidia-", "cuda-", "triton"))] == []


@pytest.mark.parametrize(
    ("name", "floor"),
    [("torch", "2.13"), ("starlette", "1.3.1"), ("pillow", "12.3"), ("python-multipart", "0.0.31")],
)
def test_no_pin_is_below_the_release_that_fixed_it(name: str, floor: str) -> None:
    """Releases with known holes below them; python-multipart is pinned only where something uses it."""
    if name != "python-multipart":
        assert name in DEV
    assert Version(DEV.get(name, floor)) >= Version(floor)
    for text in (text for extra in lock.inputs()["extras"].values() for text in extra):
        asked = Requirement(text)
        if asked.name == name:
            assert not asked.specifier.contains(f"{floor}.dev0", prereleases=True)


def test_the_environment_of_make_is_the_lock() -> None:
    if not list(Path(sys.prefix).glob("installed-*")):
        pytest.skip("this environment was not made by `make setup`")
    installed = {lock.canonicalize_name(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
    here = lock.Target(".".join(map(str, sys.version_info[:2])), os.uname().sysname, os.uname().machine)
    for line in (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            asked = Requirement(line.rstrip("\\ "))
            if asked.marker is None or asked.marker.evaluate(here.environment()):
                assert asked.specifier.contains(installed.get(asked.name, "0"), prereleases=True), asked


def pins_of(**requires: str) -> dict[str, lock.Pin]:
    return {
        name: lock.Pin(name, "1.0", tuple(map(Requirement, filter(None, text.split(",")))), {})
        for name, text in requires.items()
    }


def test_only_what_a_target_needs_is_reached() -> None:
    pins = pins_of(
        top='mac; platform_system == "Darwin",linux[fast]; platform_system == "Linux"',
        mac="",
        linux='extra-of-linux; extra == "fast",never; extra == "slow"',
    ) | {"extra-of-linux": lock.Pin("extra-of-linux", "1.0", (), {})}
    roots = [Requirement("top")]
    assert lock.reached(roots, pins, lock.Target("3.11", "Darwin", "arm64")) == {"top", "mac"}
    assert lock.reached(roots, pins, lock.Target("3.11", "Linux", "aarch64")) == {"top", "linux", "extra-of-linux"}


def test_a_requirement_that_was_not_resolved_is_an_error() -> None:
    with pytest.raises(SystemExit, match="top needs absent"):
        lock.reached([Requirement("top")], pins_of(top="absent"), lock.TARGETS[0])


@pytest.mark.parametrize("size", [1, 3, 6, 9])
def test_a_marker_holds_on_its_targets_and_no_others(size: int) -> None:
    targets = set(lock.TARGETS[:size])
    text = lock.marker_for(targets).removeprefix(" ; ")
    held = {t for t in lock.TARGETS if not text or lock.Marker(text).evaluate(t.environment())}
    assert held == targets
