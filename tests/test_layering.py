"""The house of ARCHITECTURE.md, held by reading every import: who may know whom, and that nothing goes in circles."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HALVES = ("app", "training")
CLIENT = "tessera_client"
PROGRAMS = ("datasets", "tools", "benchmarks")
# torch.jit is deprecated upstream; replacing it must stay a change of two files.
TORCHSCRIPT = {"training/export.py", "app/inference/engine.py"}


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of the service, the trainer and the client."""
    found = {}
    for house in (*HALVES, CLIENT):
        for path in sorted((ROOT / house).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports(name: str) -> frozenset[str]:
    """Every module that a module names in an import, wherever the import stands."""
    path = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return frozenset(_imports(ast.parse(path.read_text(encoding="utf-8")), package))


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (above, node.module) if part)
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                yield submodule if submodule in modules() else source
        elif isinstance(node, ast.Call) and _called(node) in ("import_module", "__import__", "importorskip"):
            yield from (argument.value for argument in node.args[:1] if _is_text(argument))


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def top(name: str) -> str:
    return name.partition(".")[0]


def where(name: str) -> str:
    return str(modules()[name].relative_to(ROOT))


def test_the_reader_of_imports_sees_every_kind() -> None:
    source = """
import os.path, torch
from . import errors
from .front import front
from app.images.grid import assemble
from app import settings
def later():
    import_module("scipy.stats")
    from training import loop
"""
    assert set(_imports(ast.parse(source), "app")) == {
        "os.path",
        "torch",
        "app.errors",
        "app.front.front",
        "app.images.grid",
        "app.settings",
        "scipy.stats",
        "training.loop",
    }


def test_both_halves_are_read() -> None:
    assert {"app.main", "app.inference.engine", "training.loop", "training.networks.dcgan"} <= set(modules())


@pytest.mark.parametrize(("half", "other"), [HALVES, HALVES[::-1]])
def test_the_halves_never_import_each_other(half: str, other: str) -> None:
    guilty = [where(name) for name in modules() if top(name) == half and other in map(top, imports(name))]
    assert guilty == []


def test_the_client_knows_nobody_and_needs_httpx_alone() -> None:
    named = {top(other) for name in modules() if top(name) == CLIENT for other in imports(name)}
    assert named - set(sys.stdlib_module_names) == {CLIENT, "httpx"}
    assert [where(name) for name in modules() if top(name) in HALVES and CLIENT in map(top, imports(name))] == []


def test_no_half_imports_the_programs_around_it() -> None:
    guilty = [where(name) for name in modules() if set(map(top, imports(name))) & {*PROGRAMS, "tests"}]
    assert guilty == []


def test_the_service_knows_torch_only_in_inference() -> None:
    knowing = {where(name) for name in modules() if top(name) == "app" and "torch" in map(top, imports(name))}
    assert knowing
    assert {path for path in knowing if not path.startswith("app/inference/")} == set()


def test_torchscript_is_named_in_two_files() -> None:
    naming = {where(name) for name, path in modules().items() if "torch.jit" in path.read_text(encoding="utf-8")}
    assert naming == TORCHSCRIPT


def test_http_stays_in_its_room() -> None:
    """Below api, front and the files that compose the service, nobody has heard of FastAPI, Starlette or uvicorn."""
    rooms = ("app.inference", "app.images", "app.registry", "app.errors", "app.settings", "app.telemetry")
    guilty = [
        where(name)
        for name in modules()
        if name.startswith(rooms) and {"fastapi", "starlette", "uvicorn"} & set(map(top, imports(name)))
    ]
    assert guilty == []


@pytest.mark.parametrize("leaf", ["app.errors", "app.settings", "app.images", "app.inference"])
def test_leaves_know_nothing_of_who_calls_them(leaf: str) -> None:
    """They may import themselves and the exceptions; never api, front, the pipeline or the registry."""
    for name in modules():
        if name == leaf or name.startswith(f"{leaf}."):
            own = {imported for imported in imports(name) if top(imported) == "app"}
            assert all(i == "app.errors" or i == leaf or i.startswith(f"{leaf}.") for i in own), (where(name), own)


def test_imports_never_go_in_circles() -> None:
    graph = {name: {other for other in imports(name) if other in modules()} - {name} for name in modules()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")
    assert set(order) == set(modules())


def test_no_room_without_a_name() -> None:
    names = {part for path in modules().values() for part in path.relative_to(ROOT).with_suffix("").parts}
    names |= {path.stem for folder in PROGRAMS for path in (ROOT / folder).glob("*.py")}
    assert names & {"utils", "util", "core", "common", "helpers", "services", "misc"} == set()


def test_every_file_says_its_duty() -> None:
    silent = [
        where(name)
        for name, path in modules().items()
        if (source := path.read_text(encoding="utf-8").strip()) and ast.get_docstring(ast.parse(source)) is None
    ]
    assert silent == []
