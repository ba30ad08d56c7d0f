import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app import logs


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_request_is_one_json_line_with_its_facts(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.request("/generate", {"status": 200, "request_id": "a\n{b", "path": '/\u2028"'})
    (line,) = lines(capsys)
    assert (line["message"], line["level"]) == ("request", "info")
    assert (line["request_id"], line["path"]) == ("a\n{b", '/\u2028"')
    assert line["time"].endswith("+00:00")


def test_probes_are_quiet_unless_they_fail(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.request("/readyz", {"status": 200})
    logs.request("/readyz", {"status": 503})
    assert [line["status"] for line in lines(capsys)] == [503]
    logs.configure("debug")
    logs.request("/readyz", {"status": 200})
    assert [line["status"] for line in lines(capsys)] == [200]


def test_requests_are_not_logged_above_info(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logs.request("/generate", {"status": 200})
    assert lines(capsys) == []


def test_an_exception_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("somebody.else").exception("it failed")
    (line,) = lines(capsys)
    assert line["logger"] == "somebody.else"
    assert "ValueError: two\nlines" in line["exception"]
