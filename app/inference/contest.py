"""Two ways to the same result: take the one that has been faster lately."""

_DISBELIEF = 0.2
_TRIALS = 3  # of each way at first: the very first run pays for what later ones find ready
_MORE = 2  # of the slower way in a row: what has not run for long finds its threads asleep and its caches cold
_SOON = 8  # runs after which it has them, when it has just become the slower one: perhaps by one long interruption


class Contest:
    """A quick run is believed at once, a slow one by a fifth. The slower way has _MORE runs now and then: _SOON after
    it has lost, then each time after twice as many, up to `every`."""

    def __init__(self, every: int = 200) -> None:
        self._seconds: dict[bool, float] = {}
        self._every = every
        self._runs = 0
        self._leader: bool | None = None
        self._since = 0  # the run in which the leader was left alone
        self._pause = _SOON

    def second(self) -> bool:
        """Whether to take the second way now."""
        self._runs += 1
        if self._runs <= 2 * _TRIALS:
            return self._runs > _TRIALS
        leader = self._seconds[True] < self._seconds[False]
        if leader is not self._leader:
            self._leader, self._since, self._pause = leader, self._runs, _SOON
        elif self._runs - self._since == self._pause + _MORE:
            self._since, self._pause = self._runs, min(2 * self._pause, self._every)
        return leader is not (self._runs - self._since >= self._pause)

    def took(self, second: bool, seconds: float) -> None:
        known = self._seconds.get(second, seconds)
        self._seconds[second] = min(seconds, known + _DISBELIEF * (seconds - known))
