import json
from typing import Any

import pytest

from app.errors import Draining, QueueFull
from app.front.turned_away import JUDGE, SENT, TurnedAway

SENDER = "192.0.2.1"


class Journal:
    def __init__(self) -> None:
        self.begun = 0
        self.over: list[tuple[str, int, int]] = []

    def arrived(self) -> None:
        self.begun += 1

    def request(self, scope: Any, status: int, seconds: float, size: int) -> None:
        assert seconds >= 0
        self.over.append((scope["path"], status, size))


class Room:
    """A judge: refuses for as long as there is a refusal."""

    def __init__(self, refusal: Exception | None) -> None:
        self.refusal = refusal

    def __call__(self) -> None:
        if self.refusal is not None:
            raise self.refusal


def refused(data: bytes, room: Room, **more: Any) -> dict[str, Any]:
    """The scope of a request that was refused."""
    return {"path": "/generate", "headers": [], SENT: (SENDER, data), JUDGE: room, **more}


def test_a_refused_request_that_comes_again_is_refused_by_what_is_so_now() -> None:
    journal, room = Journal(), Room(QueueFull("first", 1))
    turned_away = TurnedAway(journal)
    turned_away.remember(refused(b"a", room))
    room.refusal = QueueFull("9 images go first", 6.2)
    response = turned_away.again((SENDER, b"a"))
    assert response is not None
    problem = json.loads(bytes(response.body))
    assert (response.status_code, problem["detail"], problem["retry_after"]) == (429, "9 images go first", 7)
    assert dict(response.raw_headers)[b"retry-after"] == b"7"
    assert (journal.begun, journal.over) == (1, [("/generate", 429, len(response.body))])


def test_each_time_it_has_an_id_of_its_own() -> None:
    turned_away = TurnedAway(Journal())
    turned_away.remember(refused(b"a", Room(QueueFull("full", 1))))
    ids = set()
    for _ in range(3):
        response = turned_away.again((SENDER, b"a"))
        assert response is not None
        identity = dict(response.raw_headers)[b"x-request-id"].decode()
        assert json.loads(bytes(response.body))["request_id"] == identity
        ids.add(identity)
    assert len(ids) == 3


def test_an_id_that_the_caller_gave_comes_back() -> None:
    turned_away = TurnedAway(Journal())
    turned_away.remember(refused(b"a", Room(QueueFull("full", 1)), headers=[(b"x-request-id", b"mine-7")]))
    response = turned_away.again((SENDER, b"a"))
    assert response is not None
    assert dict(response.raw_headers)[b"x-request-id"] == b"mine-7"


@pytest.mark.parametrize("change", [None, Draining("the service is shutting down", 2)])
def test_what_need_not_be_refused_any_more_goes_the_usual_way(change: Exception | None) -> None:
    journal, room = Journal(), Room(QueueFull("full", 1))
    turned_away = TurnedAway(journal)
    turned_away.remember(refused(b"a", room))
    room.refusal = change
    assert turned_away.again((SENDER, b"a")) is None
    assert (journal.begun, journal.over) == (0, [])
    room.refusal = QueueFull("full", 1)
    assert turned_away.again((SENDER, b"a")) is None, "the usual way decides whether it is remembered again"


@pytest.mark.parametrize("sent", [(SENDER, b"b"), ("192.0.2.2", b"a"), (SENDER, b"a" * 5_000)])
def test_anything_else_is_not_known(sent: tuple[str, bytes]) -> None:
    turned_away = TurnedAway(Journal())
    turned_away.remember(refused(b"a", Room(QueueFull("full", 1))))
    assert turned_away.again(sent) is None


@pytest.mark.parametrize(
    "scope",
    [
        {"path": "/generate", "headers": [], JUDGE: Room(QueueFull("full", 1))},
        {"path": "/generate", "headers": [], SENT: (SENDER, b"a")},
        refused(b"a", Room(QueueFull("full", 1)), **{"fastapi.telemetry": None}),
        refused(b"a" * 5_000, Room(QueueFull("full", 1))),
    ],
    ids=["came in pieces", "was not refused", "has a span", "long"],
)
def test_what_is_not_remembered(scope: dict[str, Any]) -> None:
    turned_away = TurnedAway(Journal())
    turned_away.remember(scope)
    assert len(turned_away) == 0


def test_only_the_latest_are_remembered_and_what_comes_again_counts_as_late() -> None:
    turned_away = TurnedAway(Journal(), most=2)
    room = Room(QueueFull("full", 1))
    turned_away.remember(refused(b"a", room))
    turned_away.remember(refused(b"b", room))
    assert turned_away.again((SENDER, b"a")) is not None
    turned_away.remember(refused(b"c", room))
    assert [turned_away.again((SENDER, data)) is not None for data in (b"a", b"b", b"c")] == [True, False, True]
    assert len(turned_away) == 2
