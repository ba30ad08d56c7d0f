import json
from typing import Any

import pytest

from app.api.refusals import Written
from app.errors import Draining, Overloaded, QueueFull
from app.front.journal import Note
from app.front.turned_away import JUDGE, PLACE, SENT, TurnedAway

SENDER = "192.0.2.1"


class Journal:
    def __init__(self) -> None:
        self.begun = 0
        self.over: list[tuple[str, int]] = []

    def arrived(self) -> None:
        self.begun += 1

    def ending(self, scope: Any, status: int) -> Note:
        raise NotImplementedError("the front asks for it")

    def note(self, identity: str, seconds: float, size: int) -> None:
        assert seconds >= 0
        self.over.append((identity, size))


class Seat:
    def __init__(self) -> None:
        self.left = False

    def leave(self) -> None:
        self.left = True


class Room:
    """A judge: refuses, or cannot tell, for as long as there is an error, and else gives the same place each time."""

    def __init__(self, refusal: Exception | None, holds: bool = True) -> None:
        self.refusal = refusal
        self.seat = Seat() if holds else None

    def __call__(self) -> Seat | Overloaded | None:
        if self.refusal is None or isinstance(self.refusal, Overloaded):
            return self.refusal or self.seat
        raise self.refusal


def remembering(*scopes: dict[str, Any], journal: Journal | None = None, most: int = 1_024) -> TurnedAway:
    journal = journal or Journal()
    turned_away = TurnedAway(journal, most)
    for scope in scopes:
        turned_away.remember(scope, journal.note)
    return turned_away


def refused(data: bytes, room: Room, **more: Any) -> dict[str, Any]:
    """The scope of a request that was refused."""
    return {"path": "/generate", "headers": [], SENT: (SENDER, data), JUDGE: room, **more}


def test_a_refused_request_that_comes_again_is_refused_by_what_is_so_now() -> None:
    journal, room = Journal(), Room(QueueFull("first", 1))
    turned_away = remembering(refused(b"a", room), journal=journal)
    room.refusal = QueueFull("9 images go first", 6.2)
    response = turned_away.again((SENDER, b"a"))
    assert isinstance(response, Written)
    problem = json.loads(response.body)
    assert (response.status, problem["detail"], problem["retry_after"]) == (429, "9 images go first", 7)
    assert b"\r\nretry-after: 7\r\n" in b"\r\n" + response.fields
    assert (journal.begun, journal.over) == (1, [(problem["request_id"], len(response.body))])


def test_each_time_it_has_an_id_of_its_own() -> None:
    turned_away = remembering(refused(b"a", Room(QueueFull("full", 1))))
    ids = set()
    for _ in range(3):
        response = turned_away.again((SENDER, b"a"))
        assert isinstance(response, Written)
        identity = json.loads(response.body)["request_id"]
        assert b"x-request-id: %b\r\n" % identity.encode() in response.fields
        ids.add(identity)
    assert len(ids) == 3


def test_an_id_that_the_caller_gave_comes_back() -> None:
    turned_away = remembering(refused(b"a", Room(QueueFull("full", 1)), headers=[(b"x-request-id", b"mine-7")]))
    response = turned_away.again((SENDER, b"a"))
    assert isinstance(response, Written)
    assert b"x-request-id: mine-7\r\n" in response.fields


def test_what_there_is_room_for_goes_the_usual_way_and_is_judged_again_the_next_time() -> None:
    journal, room = Journal(), Room(QueueFull("full", 1))
    turned_away = remembering(refused(b"a", room), journal=journal)
    room.refusal = None
    assert turned_away.again((SENDER, b"a")) is room.seat
    assert (journal.begun, journal.over) == (0, [])
    room.refusal = QueueFull("full", 1)
    assert isinstance(turned_away.again((SENDER, b"a")), Written)


def test_when_it_is_over_its_place_is_left() -> None:
    seat = Seat()
    TurnedAway(Journal()).remember({"path": "/generate", "headers": [], PLACE: seat}, Journal().note)
    assert seat.left


@pytest.mark.parametrize("changed", [Room(None, holds=False), Room(Draining("the service is shutting down", 2))])
def test_what_no_longer_holds_goes_the_usual_way_and_is_forgotten(changed: Room) -> None:
    journal = Journal()
    turned_away = remembering(refused(b"a", changed), journal=journal)
    assert turned_away.again((SENDER, b"a")) is None
    assert (journal.begun, journal.over, len(turned_away)) == (0, [], 0)


@pytest.mark.parametrize("sent", [(SENDER, b"b"), ("192.0.2.2", b"a"), (SENDER, b"a" * 5_000)])
def test_anything_else_is_not_known(sent: tuple[str, bytes]) -> None:
    assert remembering(refused(b"a", Room(QueueFull("full", 1)))).again(sent) is None


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
    assert len(remembering(scope)) == 0


def test_only_the_latest_are_remembered_and_what_comes_again_counts_as_late() -> None:
    room = Room(QueueFull("full", 1))
    turned_away = remembering(refused(b"a", room), refused(b"b", room), most=2)
    assert turned_away.again((SENDER, b"a")) is not None
    turned_away.remember(refused(b"c", room), Journal().note)
    assert [turned_away.again((SENDER, data)) is not None for data in (b"a", b"b", b"c")] == [True, False, True]
    assert len(turned_away) == 2
