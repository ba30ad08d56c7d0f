"""docker-compose.yml: what it builds, mounts, sets and waits for is what the images and the settings know."""

import re
import tomllib

import pytest

from app.settings import PREFIX, Settings
from tests.containers.files import ROOT, filled, last, seconds, services, stages


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
