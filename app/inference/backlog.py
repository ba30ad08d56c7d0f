"""How much accepted work is unfinished, and whose it is; how fast work gets done."""

from types import TracebackType


class Backlog:
    """Images accepted and not yet answered, waiting or being computed, by client."""

    def __init__(self) -> None:
        self.images = 0
        self._clients: dict[str, int] = {}

    def add(self, client: str, n: int) -> None:
        self.images += n
        self._clients[client] = self._clients.get(client, 0) + n

    def remove(self, client: str, n: int) -> None:
        self.images -= n
        left = self._clients[client] - n
        if left:
            self._clients[client] = left
        else:
            del self._clients[client]

    def hold(self, client: str, n: int) -> "Place":
        """Room for n images that were let in and are not here yet: whoever is judged meanwhile comes after them."""
        return Place(self, client, n)

    def of(self, client: str) -> int:
        return self._clients.get(client, 0)

    def until_done(self, client: str, n: int) -> int:
        """Images computed before the last of `n` new ones of this client is, sharing fairly with everybody here now.

        While the client's own images are served, another client gets as many, or as many as it has.
        """
        own = self.of(client) + n  # more than what waits of the client's, which therefore counts whole below
        done = n
        for images in self._clients.values():
            done += images if images < own else own
        return done


class Place:
    """Counts until it is left: once, however often. Leaves itself at the end of a `with` block."""

    def __init__(self, backlog: Backlog, client: str, n: int) -> None:
        self._backlog: Backlog | None = backlog
        self._client = client
        self._n = n
        backlog.add(client, n)

    def is_in(self, backlog: Backlog) -> bool:
        """Until it is left."""
        return self._backlog is backlog

    def leave(self) -> None:
        if self._backlog is not None:
            self._backlog.remove(self._client, self._n)
            self._backlog = None

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.leave()


class Rate:
    """Images per second, as measured lately: an average over about the last `memory_s` seconds of work. 0: unknown."""

    def __init__(self, images_per_second: float, memory_s: float = 2.0) -> None:
        self.images_per_second = images_per_second
        self._memory_s = memory_s

    def observe(self, images: int, seconds: float) -> None:
        if self.images_per_second == 0.0:
            self.images_per_second = images / max(seconds, 1e-9)
            return
        known = self.images_per_second * self._memory_s
        self.images_per_second = (known + images) / (self._memory_s + seconds)
