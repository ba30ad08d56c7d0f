import pytest

from app.__main__ import main
from app.images.png import encode_png
from app.inference import bench
from app.settings import PREFIX, Settings


def test_help_lists_every_setting_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for name, field in Settings.model_fields.items():
        assert f"{PREFIX}{name.upper()}=" in said
        assert str(field.description) in said


@pytest.mark.parametrize("arguments", [["--port", "80"], ["serve"], ["benchmark"]])
def test_an_unknown_argument_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_wrong_settings_are_sentences_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_PORT", "tcp://10.0.0.1:8000")
    monkeypatch.setenv("TESSERA_API_KEYS", "secret!")
    assert main([]) == 78
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == ["TESSERA_PORT", "TESSERA_API_KEYS"]
    assert "secret!" not in "".join(said)


def test_bench_measures_the_encoder_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(bench, "main", lambda *arguments: asked.append(arguments) or 3)
    assert main(["bench", "--seconds", "1"]) == 3
    assert asked == [(["--seconds", "1"], encode_png)]
