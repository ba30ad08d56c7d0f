"""How much accepted work is unfinished, and whose it is; how fast work gets done."""


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

    def of(self, client: str) -> int:
        return self._clients.get(client, 0)

    def until_done(self, client: str, n: int) -> int:
        """Images computed before the last of `n` new ones of this client is, sharing fairly with everybody here now.

        While the client's own images are served, another client gets as many, or as many as it has.
        """
        own = self.of(client) + n  # more than what waits of the client's, which therefore counts whole below
        return n + sum([images if images < own else own for images in self._clients.values()])


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
