"""Whether a request may join the queue: only if it can be finished by its deadline at the measured rate.

Refusing at once, with the time after which it would fit, is kinder than a late 504 and keeps the engine's time for
work that somebody still waits for. A client is judged by its fair share of the queue: what another client has piled up
beyond that share does not count against it.
"""

import time
from collections.abc import Callable

from app.errors import Overloaded, QueueFull, QuotaExceeded
from app.inference.backlog import Backlog

# The rest is left for being wrong: refusing takes the engine's cores, too, and clients that come later take turns. More
# would only make the queue longer: with this, in ten times overload, the engine has work at every moment.
USABLE = 0.6
# What a request costs besides its images: turns of a busy event loop, a wait for the engine thread, the encoding. A
# deadline that leaves no room for that is missed whatever the rate.
OVERHEAD_S = 0.01


class Admission:
    """clock: as time.monotonic, in which deadlines are given."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def refusal(self, n: int, deadline: float, client: str, backlog: Backlog, rate: float) -> Overloaded | None:
        """Of n images by `deadline` for `client`, at `rate` images per second; None: there is room.

        backlog: the model's. QuotaExceeded if the client's own work is what is in the way, QueueFull if everybody's is;
        both with retry_after in seconds.
        """
        own, ahead = backlog.of(client), backlog.until_done(client, n)
        # A client with a backlog leaves room for one that comes after it, and has two turns to each of its own if the
        # first pays for refusals (fair_queue.py).
        needed = OVERHEAD_S + (ahead + 2 * own) / rate if rate > 0 else 0.0
        available = (deadline - self._clock()) * USABLE
        if needed <= available:
            return None
        return _refusal(n, own, ahead, needed, available)


def _refusal(n: int, own: int, ahead: int, needed: float, available: float) -> Overloaded:
    retry_after = needed - available
    times = f"{needed:.2f} s of work, {max(available, 0.0):.2f} s until the deadline"
    if own + n > ahead / 2:
        return QuotaExceeded(f"{own} images of yours wait, {n} more cannot be made in time: {times}", retry_after)
    return QueueFull(f"{ahead - n} images go first, {n} more cannot be made in time: {times}", retry_after)
