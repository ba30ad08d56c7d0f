from pathlib import Path

import pytest

from tools import openapi


def test_the_file_is_up_to_date_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_MAX_IMAGES", "3")
    monkeypatch.setenv("TESSERA_API_KEYS", "key-number-one")
    assert openapi.main(["--check"]) == 0


def test_a_file_that_drifted_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    assert openapi.main(["--check"], file) == 1
    openapi.main([], file)
    assert openapi.main(["--check"], file) == 0
    file.write_text(file.read_text(encoding="utf-8").replace("/generate", "/generated"), encoding="utf-8")
    assert openapi.main(["--check"], file) == 1
    assert "make openapi" in capsys.readouterr().out
