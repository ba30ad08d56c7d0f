"""Both clients, over a transport that answers as it is told; tests/e2e/test_client.py has a real service."""

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tessera_client import AsyncClient, Busy, Client, InvalidRequest, Unavailable, async_client, client, errors

PNG = httpx.Response(200, content=b"png", headers={"content-type": "image/png", "x-tessera-seeds": "7-9"})


class Service:
    """Answers in turn, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


Run = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run(service, method, ..., **fields): the method's answer, by one client or the other; it never sleeps."""
    slept: list[float] = []

    def ask(service: Service, method: str, *arguments: Any, options: Any = None, **fields: Any) -> Any:
        transport = httpx.MockTransport(service)
        with Client("http://service/", transport=transport, **(options or {})) as made:
            return getattr(made, method)(*arguments, **fields)

    async def ask_async(service: Service, method: str, *arguments: Any, options: Any = None, **fields: Any) -> Any:
        transport = httpx.MockTransport(service)
        async with AsyncClient("http://service/", transport=transport, **(options or {})) as made:
            return await getattr(made, method)(*arguments, **fields)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(client.time, "sleep", slept.append)
    monkeypatch.setattr(async_client.asyncio, "sleep", sleep)
    chosen: Any = ask if request.param == "sync" else lambda *a, **k: asyncio.run(ask_async(*a, **k))
    chosen.__dict__["slept"] = slept
    return chosen  # type: ignore[no-any-return]


def later(status: int, wait: str) -> httpx.Response:
    return httpx.Response(status, headers={"retry-after": wait})


def test_the_fields_are_the_body(run: Run) -> None:
    service = Service(PNG)
    picture = run(service, "generate", n=3, seed=7, options={"api_key": "key-number-one"})
    (request,) = service.asked
    assert (request.method, str(request.url)) == ("POST", "http://service/generate")
    assert request.content == b'{"n":3,"seed":7}'
    assert request.headers["authorization"] == "Bearer key-number-one"
    assert (picture.content, picture.media_type, picture.seeds) == (b"png", "image/png", [7, 8, 9])


def test_an_upload_gives_a_code(run: Run, tmp_path: Path) -> None:
    said = {"model": "faces@1", "digest": "ab", "label": None, "code": [0.5, -1.0], "b64_png": "cG5n", "width": 8}
    service = Service(later(429, "1"), httpx.Response(200, json=said))
    made = run(service, "reconstruct", b"a photograph", model="faces")
    assert (made.png, made.code, made.model, made.label) == (b"png", [0.5, -1.0], "faces@1", None)
    assert all(b"a photograph" in request.content for request in service.asked)  # when it is sent again, too
    assert made.save(tmp_path / "seen.png").read_bytes() == b"png"


def test_it_comes_back_when_it_is_told_to(run: Run) -> None:
    service = Service(later(429, "2"), later(503, "3"), PNG)
    assert run(service, "generate").content == b"png"
    assert len(service.asked) == 3
    assert run.slept == [2, 3]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("status", "kind"), [(429, Busy), (503, Unavailable)])
def test_its_patience_ends(run: Run, status: int, kind: type[errors.ServiceError]) -> None:
    service = Service(later(status, "30"))
    with pytest.raises(kind) as caught:
        run(service, "generate", options={"patience_s": 20})
    assert caught.value.retry_after == 30
    assert len(service.asked) == 1


@pytest.mark.parametrize("status", [400, 404, 422, 500, 502, 504, 302])
def test_nothing_else_is_tried_again(run: Run, status: int) -> None:
    service = Service(later(status, "1"))
    with pytest.raises(errors.ServiceError):
        run(service, "generate")
    assert len(service.asked) == 1


def test_a_connection_that_fails_is_httpxs_to_tell(run: Run) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(httpx.TransportError):
        run(refuse, "models")


def test_an_archive_is_there_when_it_is_whole(run: Run, tmp_path: Path) -> None:
    service = Service(later(429, "1"), httpx.Response(200, content=b"zip" * 1000))
    path = tmp_path / "set.zip"
    assert run(service, "save_archive", path, n=5) == path
    assert path.read_bytes() == b"zip" * 1000
    assert service.asked[-1].content == b'{"n":5}'
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_that_is_refused_leaves_nothing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        run(Service(httpx.Response(422)), "save_archive", tmp_path / "set.zip", n=0)
    assert list(tmp_path.iterdir()) == []


class Cut(httpx.SyncByteStream, httpx.AsyncByteStream):
    def __iter__(self) -> Any:
        yield b"half"
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")

    async def __aiter__(self) -> Any:
        for part in self:
            yield part


def test_a_part_of_an_archive_never_takes_the_place_of_a_whole_one(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    path.write_bytes(b"the one before")
    with pytest.raises(httpx.TransportError):
        run(lambda request: httpx.Response(200, stream=Cut()), "save_archive", path, n=5)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_both_clients_are_alike() -> None:
    def public(kind: type) -> dict[str, str]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        names = {name: str(inspect.signature(method)) for name, method in methods if not name.startswith("_")}
        return {name.removeprefix("a") if name == "aclose" else name: text for name, text in names.items()}

    plain, asynchronous = public(Client), public(AsyncClient)
    assert {name: text.replace("Iterator", "AsyncIterator") for name, text in plain.items()} == asynchronous
