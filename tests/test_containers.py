"""Dockerfile and docker-compose.yml without a Docker engine: what they name exists, and what they start runs."""

import functools
import http.server
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
Instructions = list[tuple[str, str]]


@functools.cache
def stages() -> dict[str, Instructions]:
    """Stage -> its instructions, those of the stages it builds upon first; the part before any FROM is ''."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, Instructions] = {"": []}
    stage = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        word, rest = line.strip().split(maxsplit=1)
        if word == "FROM":
            source, _, stage = rest.split()
            found[stage] = list(found.get(source, ()))
        found[stage].append((word, rest))
    return found


def last(stage: str, word: str) -> str:
    return [rest for name, rest in stages()[stage] if name == word][-1]


def copies(stage: str) -> list[list[str]]:
    """The COPY instructions that take files of the checkout: sources and, last, the destination."""
    return [rest.split() for word, rest in stages()[stage] if word == "COPY" and not rest.startswith("--from=")]


@functools.cache
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose()["services"]
    return found


def filled(text: str, environment: dict[str, str] | None = None) -> str:
    """Compose's ${NAME:-default}."""
    values = environment or {}
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: values.get(found[1]) or found[2], text)


def seconds(duration: str) -> float:
    number = re.fullmatch(r"(\d+)s", duration)
    assert number, f"{duration} is not written in seconds"
    return float(number[1])


# The Dockerfile


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


# The entry point and the health command, with only the files that the image holds


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


# docker-compose.yml


def test_plain_up_is_the_gpu_service_alone() -> None:
    assert [name for name, service in services().items() if "profiles" not in service] == ["tessera"]
    (device,) = services()["tessera"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert services()["tessera"]["environment"]["TESSERA_DEVICE"] == "cuda"


@pytest.mark.parametrize(("name", "torch"), [("tessera", "cuda"), ("cpu", "cpu"), ("train", "cuda")])
def test_what_is_built_is_a_stage_of_the_dockerfile(name: str, torch: str) -> None:
    build = services()[name]["build"]
    assert (ROOT / build["context"] / "Dockerfile").is_file()
    assert build["target"] in stages()
    built = [*stages()["torch"], *stages()[f"{build['target']}-packages"]]
    assert set(build["args"]) <= {rest.split("=")[0] for word, rest in built if word == "ARG"}
    assert build["args"]["TORCH"] == torch
    assert f"{torch})" in last("torch", "RUN")


def test_the_text_encoder_is_asked_for() -> None:
    assert ("ARG", "WORDS=no") in stages()["serve-packages"]
    run = last("serve-packages", "RUN")
    assert re.search(r'if \[ "\$WORDS" = yes \]; then \S* *pip install [^;]*/requirements/words\.lock; fi', run)
    assert {services()[name]["build"]["args"]["WORDS"] for name in ("tessera", "cpu")} == {"${WORDS:-no}"}


def test_images_do_not_overwrite_each_other() -> None:
    names = [service["image"] for service in services().values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", ["cpu", "train"])
def test_the_others_have_their_profile(name: str) -> None:
    assert services()[name]["profiles"] == [name]


@pytest.mark.parametrize("name", ["tessera", "cpu"])
def test_every_variable_is_a_setting_with_a_valid_value(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = services()[name]["environment"]
    fields = {f"{PREFIX}{field.upper()}" for field in Settings.model_fields}
    assert set(environment) <= fields
    for variable, value in environment.items():
        assert isinstance(value, str), f"{variable}: YAML would make {value!r} of it"
        monkeypatch.setenv(variable, filled(value))
    settings = Settings()
    for variable in ("port", "timeout_ms", "max_images", "log_level", "shutdown_grace_s", "drain_notice_s"):
        assert getattr(settings, variable) == Settings.model_fields[variable].default, variable


@pytest.mark.parametrize("name", ["tessera", "cpu"])
def test_a_stop_waits_longer_than_the_service_drains(name: str) -> None:
    environment = services()[name]["environment"]
    drain = float(environment["TESSERA_DRAIN_NOTICE_S"]) + float(environment["TESSERA_SHUTDOWN_GRACE_S"])
    assert seconds(services()[name]["stop_grace_period"]) >= drain + 10


@pytest.mark.parametrize("name", ["tessera", "cpu"])
def test_the_published_port_is_the_one_that_is_listened_on(name: str) -> None:
    service = services()[name]
    assert [filled(port) for port in service["ports"]] == [f"8000:{service['environment']['TESSERA_PORT']}"]
    assert filled(service["ports"][0], {"TESSERA_PORT": "9000"}) == "9000:8000"


@pytest.mark.parametrize("name", ["tessera", "cpu"])
def test_models_are_mounted_where_they_are_read_and_not_written(name: str) -> None:
    service = services()[name]
    source, target, mode = service["volumes"][0].split(":")
    assert (ROOT / source).is_dir()
    assert (target, mode) == (service["environment"]["TESSERA_MODELS_DIR"], "ro")
    assert target == f"{last('serve', 'WORKDIR')}/models"
    assert service["read_only"] is True
    assert service["restart"] == "unless-stopped"


def test_the_python_of_the_image_is_one_that_the_project_supports() -> None:
    version = dict(rest.split("=") for word, rest in stages()[""] if word == "ARG")["PYTHON_VERSION"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]
