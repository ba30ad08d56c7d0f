"""The load client's program is compiled where it can be, and says what is wrong where it cannot."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.loader import program
from tests.benchmarks.marks import on_linux


@pytest.fixture
def not_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    program.program.cache_clear()
    monkeypatch.setattr(program, "_COMPILED", tmp_path)
    yield
    program.program.cache_clear()


@on_linux
@pytest.mark.usefixtures("not_compiled")
def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_COMPILER", "no-such-compiler")
    with pytest.raises(program.LoaderError, match=r"no-such-compiler: install gcc or clang"):
        program.program()


@on_linux
@pytest.mark.usefixtures("not_compiled")
def test_it_is_compiled_once_and_nothing_else_is_left(tmp_path: Path) -> None:
    made = program.program()
    program.program.cache_clear()
    before = made.stat()
    assert program.program() == made
    assert made.stat() == before
    assert list(tmp_path.iterdir()) == [made]


@on_linux
@pytest.mark.usefixtures("not_compiled")
def test_the_sources_have_no_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_OPTIONS", [*program._OPTIONS, "-Werror"])
    program.program()


@on_linux
@pytest.mark.usefixtures("not_compiled")
def test_what_the_compiler_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_OPTIONS", ["-include", "no-such-file.h"])
    with pytest.raises(program.LoaderError, match=r"(?s)failed:.*no-such-file"):
        program.program()


@pytest.mark.usefixtures("not_compiled")
def test_elsewhere_it_says_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(program.LoaderError, match="only Linux"):
        program.program()
