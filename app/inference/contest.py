"""Two ways to the same result: take the one that has been faster lately."""

_DISBELIEF = 0.2
_TRIALS = 3  # of each way at first: the very first run pays for what later ones find ready


class Contest:
    """A quick run is believed at once, a slow one by a fifth; the slower way has another try every `every` runs."""

    def __init__(self, every: int = 100) -> None:
        self._seconds: dict[bool, float] = {}
        self._every = every
        self._runs = 0

    def second(self) -> bool:
        """Whether to take the second way now."""
        self._runs += 1
        if self._runs <= 2 * _TRIALS:
            return self._runs > _TRIALS
        second_wins = self._seconds[True] < self._seconds[False]
        return second_wins is not (self._runs % self._every == 0)

    def took(self, second: bool, seconds: float) -> None:
        known = self._seconds.get(second, seconds)
        self._seconds[second] = min(seconds, known + _DISBELIEF * (seconds - known))
