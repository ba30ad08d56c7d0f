from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from tessera_client.patience import Patience, retry_after


def answer(status: int, wait: str | None = None) -> httpx.Response:
    return httpx.Response(status, headers={} if wait is None else {"retry-after": wait})


@pytest.mark.parametrize("status", [429, 503])
def test_it_waits_as_long_as_it_is_told(status: int) -> None:
    assert Patience(until=100).wait(answer(status, "7"), now=90) == 7


@pytest.mark.parametrize("status", [200, 400, 404, 408, 409, 422, 500, 502, 504])
def test_no_other_answer_is_asked_for_again(status: int) -> None:
    assert Patience(until=100).wait(answer(status, "7"), now=0) is None


@pytest.mark.parametrize("wait", [None, "", "soon", "-1", "1.5", "²"])
def test_without_a_time_it_does_not_guess_one(wait: str | None) -> None:
    assert Patience(until=100).wait(httpx.Response(503, headers={"retry-after": (wait or "").encode()}), now=0) is None


@pytest.mark.parametrize(("now", "waits"), [(93, True), (93.5, False)])
def test_it_ends_in_time(now: float, waits: bool) -> None:
    assert (Patience(until=100).wait(answer(429, "7"), now) is not None) == waits


def test_a_date_is_understood() -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    assert 3590 < (retry_after({"retry-after": format_datetime(later, usegmt=True)}) or 0) <= 3600
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 -0000"}) == 0
