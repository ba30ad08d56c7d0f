"""Two ways to the same result: take the one that has been faster lately."""

_DISBELIEF = 0.2
_TRIALS = 3  # of each way at first: the very first run pays for what later ones find ready
_MORE = 2  # of the slower way in a row: what has not run for long finds its threads asleep and its caches cold


class Contest:
    """A quick run is believed at once, a slow one by a fifth; of `every` runs the slower way has the first _MORE."""

    def __init__(self, every: int = 200) -> None:
        self._seconds: dict[bool, float] = {}
        self._every = every
        self._runs = 0

    def second(self) -> bool:
        """Whether to take the second way now."""
        self._runs += 1
        if self._runs <= 2 * _TRIALS:
            return self._runs > _TRIALS
        second_wins = self._seconds[True] < self._seconds[False]
        return second_wins is not (self._runs % self._every < _MORE)

    def took(self, second: bool, seconds: float) -> None:
        known = self._seconds.get(second, seconds)
        self._seconds[second] = min(seconds, known + _DISBELIEF * (seconds - known))
