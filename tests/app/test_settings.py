import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import PREFIX, Settings, unknown_variables


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def test_defaults_are_the_documented_ones() -> None:
    settings = Settings()
    assert (settings.host, settings.port, settings.models_dir) == ("0.0.0.0", 8000, Path("models"))
    assert (settings.device, settings.default_model, settings.max_batch_size) == ("auto", "", 64)
    assert (settings.max_images, settings.max_queue_images, settings.timeout_ms) == (256, 4096, 30_000)
    assert settings.client_keys() == {}


def test_every_setting_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_PORT", "0")
    monkeypatch.setenv("TESSERA_MODELS_DIR", "/srv/models")
    monkeypatch.setenv("TESSERA_ALLOW_TF32", "true")
    settings = Settings()
    assert (settings.port, settings.models_dir, settings.allow_tf32) == (0, Path("/srv/models"), True)


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_MAX_IMAGES", "")
    assert Settings().max_images == 256


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "65536"),
        ("port", "-1"),
        ("port", "http"),
        ("host", ""),
        ("device", "gpu"),
        ("device", "cuda:"),
        ("device", "cuda:x"),
        ("device", "cpu\n"),
        ("max_batch_size", "0"),
        ("max_wait_ms", "-0.1"),
        ("max_wait_ms", "nan"),
        ("max_queue_images", "0"),
        ("max_images", "0"),
        ("max_images", "1025"),
        ("max_pixels", "0"),
        ("timeout_ms", "0"),
        ("timeout_ms", "1e9"),
        ("request_receive_timeout_s", "0"),
        ("request_receive_timeout_s", "inf"),
        ("max_body_bytes", "1023"),
        ("shutdown_grace_s", "-1"),
        ("drain_notice_s", "-1"),
        ("api_keys", "short"),
        ("api_keys", "long enough but spaced"),
        ("api_keys", "gut-genug-ü-123"),
        ("log_level", "loud"),
        ("allow_tf32", "maybe"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


def test_the_port_that_kubernetes_injects_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_PORT", "tcp://10.0.0.7:8000")
    with pytest.raises(ValidationError, match="enableServiceLinks"):
        Settings()


def test_keys_are_kept_only_as_digests_and_never_printed() -> None:
    settings = Settings(api_keys="first-secret, second-secret,")
    assert len(settings.client_keys()) == 2
    assert "secret" not in repr(settings) + repr(settings.client_keys())


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1


def test_a_misspelt_variable_is_reported_with_the_nearest_name() -> None:
    environment = {"TESSERA_MAX_IMAGE": "3", "TESSERA_ZZZ": "", "tessera_port": "1", "PATH": "/bin"}
    assert unknown_variables(environment) == [
        "TESSERA_MAX_IMAGE is not a setting; did you mean TESSERA_MAX_IMAGES?",
        "TESSERA_ZZZ is not a setting",
    ]


def test_variables_of_a_service_named_tessera_are_not_reported() -> None:
    names = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"]
    assert unknown_variables({PREFIX + name: "x" for name in names}) == []


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_reference_has_a_row_for_every_setting_with_its_default() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `TESSERA_([A-Z0-9_]+)` \| (.*?) \|", reference, re.MULTILINE))
    assert set(rows) == {name.upper() for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        shown = rows[name.upper()].strip("`")
        default = "" if name == "api_keys" else str(field.default).lower() if field.default is False else field.default
        assert shown == (str(default) or "empty"), name
