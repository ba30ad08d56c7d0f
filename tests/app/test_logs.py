import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app import logs

ROOT = Path(__file__).parents[2]


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
    logs.request("/generate", {"status": 200, "request_id": "a\n{b", "path": '/\u2028"'})({})
    (line,) = lines(capsys)
    assert (line["message"], line["level"]) == ("request", "info")
    assert (line["request_id"], line["path"]) == ("a\n{b", '/\u2028"')
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize("others", [[], [logging.NullHandler()]], ids=["alone", "with another handler"])
def test_what_a_request_does_not_share_with_others_stands_where_theirs_does(
    capsys: pytest.CaptureFixture[str], others: list[logging.Handler]
) -> None:
    logs.configure("info")
    logging.getLogger().handlers += others
    shared = {"request_id": "", "status": 429, "ms": 0.0}
    write = logs.request("/generate", shared)
    for identity in ("a", "b"):
        write({"ms": 0.12, "request_id": identity})
    found = [dict(list(line.items())[-3:]) for line in lines(capsys)]
    assert found == [{"request_id": identity, "status": 429, "ms": 0.12} for identity in ("a", "b")]
    assert [list(line) for line in found] == [["request_id", "status", "ms"]] * 2


def test_probes_are_quiet_unless_they_fail(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.request("/readyz", {"status": 200})({})
    logs.request("/readyz", {"status": 503})({})
    assert [line["status"] for line in lines(capsys)] == [503]
    logs.configure("debug")
    logs.request("/readyz", {"status": 200})({})
    assert [line["status"] for line in lines(capsys)] == [200]


def test_requests_are_not_logged_above_info(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning")
    logs.request("/generate", {"status": 200})({})
    assert lines(capsys) == []


def test_lines_keep_their_order_and_their_shape(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    log = logging.getLogger("tessera")
    log.info("before")
    logs.request("/generate", {"status": 200})({})
    log.info("after")
    before, request, after = lines(capsys)
    assert [line["message"] for line in (before, request, after)] == ["before", "request", "after"]
    assert list(request) == [*before, "status"]
    assert [line["logger"] for line in (before, request)] == ["tessera", "tessera.access"]
    assert before["time"] <= request["time"] <= after["time"]
    assert datetime.fromisoformat(request["time"]).tzinfo is not None


def test_whoever_else_listens_is_told_of_requests_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    told: list[logging.LogRecord] = []
    other = logging.Handler()
    other.emit = told.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(other)
    logs.request("/generate", {"status": 200})({})
    assert [record.getMessage() for record in told] == ["request"]
    assert [line["status"] for line in lines(capsys)] == [200]


def test_what_is_no_unicode_is_written_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    logs.request("/generate", {"status": 200, "path": "\udcff"})({})
    assert lines(capsys)[0]["path"] == "\udcff"


def test_an_output_that_fails_stops_no_request(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    (handler,) = logging.getLogger().handlers
    with Path(os.devnull).open() as only_readable:
        handler.stream = only_readable  # type: ignore[attr-defined]
        logs.request("/generate", {"status": 200})({})
    assert "Logging error" in capsys.readouterr().err


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is not written because of the time, however slow this machine is."""
    monkeypatch.setattr(logs, "_SOON_S", 60)


async def told(*words: str) -> None:
    """The lines of requests with these words, within an event loop."""
    for word in words:
        logs.request("/generate", {"status": 200, "word": word})({})


def written(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.get("word", line["message"]) for line in lines(capsys)]


def test_lines_of_a_moment_are_written_together(capsys: pytest.CaptureFixture[str]) -> None:
    async def main(*moments: list[str]) -> None:
        for words in moments:
            await told(*words)
            assert written(capsys) == []
            while not (found := written(capsys)):
                await asyncio.sleep(0.01)
            assert found == words

    logs.configure("info")
    asyncio.run(main(["a", "b", "c"], ["d"]))


@pytest.mark.usefixtures("patient")
def test_what_else_is_logged_is_written_at_once_after_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    async def main() -> None:
        await told("a", "b")
        logging.getLogger("tessera").warning("now")

    logs.configure("info")
    asyncio.run(main())
    assert written(capsys) == ["a", "b", "now"]


@pytest.mark.usefixtures("patient")
def test_only_so_many_wait(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    words = [str(number) for number in range(2 * logs._MOST_WAITING + 1)]
    asyncio.run(told(*words))
    assert written(capsys) == words[:-1]
    logs.flush()
    assert written(capsys) == words[-1:]


@pytest.mark.usefixtures("patient")
def test_the_time_of_a_line_is_when_its_request_was_over(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    before = datetime.now(UTC)
    asyncio.run(told("a"))
    after = datetime.now(UTC)
    time.sleep(0.01)
    logs.flush()
    moment = datetime.fromisoformat(lines(capsys)[0]["time"])
    assert before - timedelta(milliseconds=1) <= moment <= after


def test_what_waits_is_written_when_the_interpreter_ends() -> None:
    program = """
import asyncio
from app import logs
async def main(): logs.request("/generate", {"status": 429})({})
logs.configure("info")
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == 429


def test_an_exception_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info")
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("somebody.else").exception("it failed")
    (line,) = lines(capsys)
    assert line["logger"] == "somebody.else"
    assert "ValueError: two\nlines" in line["exception"]
