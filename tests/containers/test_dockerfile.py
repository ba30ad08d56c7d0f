"""The Dockerfile: what it names exists, and each image holds its own half."""

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from app.settings import Settings
from tests.containers.files import ROOT, copies, last, stages


def test_every_stage_that_is_named_exists() -> None:
    for name, instructions in stages().items():
        for word, rest in instructions:
            if word == "COPY" and (source := re.match(r"--from=(\S+)", rest)):
                assert source[1] in stages(), f"{name} copies from {source[1]}"
    assert list(stages())[-1] == "serve", "docker build without --target makes the last stage"


def test_every_source_exists_and_is_sent_to_the_builder() -> None:
    sources = {source for stage in stages() for copy in copies(stage) for source in copy[:-1]}
    assert {"app", "models", "training", "requirements/serve.lock"} <= sources
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in rules, ".dockerignore lists what is sent, so that nothing else ever is"
    sent = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    for source in sources:
        assert (ROOT / source).exists(), source
        path = Path(source)
        assert any(fnmatch(str(part), rule) for rule in sent for part in (path, *path.parents)), (
            f"{source} is not in .dockerignore's list"
        )


@pytest.mark.parametrize(("stage", "half", "other"), [("serve", "app", "training"), ("train", "training", "app")])
def test_an_image_holds_one_half_and_its_own_packages(stage: str, half: str, other: str) -> None:
    copied = {source for copy in copies(stage) for source in copy[:-1]}
    assert half in copied
    assert other not in copied
    installs = " ".join(rest for word, rest in stages()[f"{stage}-packages"] if word == "RUN")
    assert re.findall(r"/requirements/(\w+)\.lock", installs).count(stage) == 1
    assert "dev.lock" not in installs


def test_whatever_pip_installs_is_held_to_a_hash_or_to_the_locked_version() -> None:
    runs = {rest for instructions in stages().values() for word, rest in instructions if word == "RUN"}
    installs = [command for run in runs for command in re.findall(r"pip install (.*?)(?:;|&&|$)", run)]
    assert len(installs) == 5
    for command in installs:
        assert "--no-deps" in command
        assert "--require-hashes" in command or '"$(sed' in command


def test_the_cpu_build_takes_the_locked_version(tmp_path: Path) -> None:
    run = last("torch", "RUN")
    found = re.search(r"\$\((sed .*?)\)\"", run)
    assert found
    command = found[1].replace("/requirements/", f"{ROOT}/requirements/")
    printed = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+\n", printed)


@pytest.mark.parametrize("stage", ["serve", "train"])
def test_nothing_runs_as_root(stage: str) -> None:
    assert last(stage, "USER") == "tessera"
    created = " ".join(rest for word, rest in stages()[stage] if word == "RUN")
    assert re.search(r"useradd .*--uid [1-9]\d{3,} .*tessera", created)


def test_the_port_is_the_settings_default() -> None:
    assert int(last("serve", "EXPOSE")) == Settings.model_fields["port"].default


@pytest.mark.parametrize("half", ["app", "training"])
def test_a_half_imports_only_what_its_lock_installs(half: str) -> None:
    """In the real interpreter, with every module hidden that no package in the image's locks provides."""
    locks = {"app": ("serve", "torch"), "training": ("train", "torch")}[half]
    program = """
import importlib.metadata, importlib.util, pathlib, pkgutil, re, sys
half, *locks = sys.argv[1:]
canonical = lambda name: re.sub("[-_.]+", "-", name).lower()
pinned = {name for lock in locks for name in re.findall(r"^([a-z0-9-]+)==", pathlib.Path(lock).read_text(), re.M)}
provided = importlib.metadata.packages_distributions()
hidden = {name for name, makers in provided.items() if not any(canonical(maker) in pinned for maker in makers)}
hidden = (hidden | {"app", "training", "tessera"}) - {half}  # the checkout itself provides both halves
class Hider:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in hidden:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, Hider())
import warnings
for module in pkgutil.walk_packages([half], f"{half}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
importlib.import_module(f"{half}.__main__")
print("imported", len([name for name in sys.modules if name.startswith(half)]))
"""
    paths = [str(ROOT / "requirements" / f"{lock}.lock") for lock in locks]
    done = subprocess.run([sys.executable, "-c", program, half, *paths], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 10
