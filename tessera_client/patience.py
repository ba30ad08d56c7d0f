"""When to ask again: after a 429 or 503 that says when, within a total time, and never otherwise.

Those two mean that nothing was begun, so that asking again is safe, and the service computes the time from its own
measured rate, so that no other rule would know better.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_WORTH_WAITING = frozenset({429, 503})


class Patience:
    """until: on the clock whose readings `wait` is given, in seconds."""

    def __init__(self, until: float) -> None:
        self._until = until

    def wait(self, response: httpx.Response, now: float) -> float | None:
        """Seconds to wait before asking again; None: the response is the answer."""
        seconds = retry_after(response.headers) if response.status_code in _WORTH_WAITING else None
        return seconds if seconds is not None and now + seconds <= self._until else None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, from either form of Retry-After (RFC 9110, 10.2.3); None: not given, or not understood."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
