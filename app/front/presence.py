"""Whether the client at the other end of a connection is still there, told without asking.

ASGI has an application ask for the next message to learn of a disconnect, which takes a task beside every request that
waits; the protocol knows the moment it happens.
"""

from collections.abc import Callable

PRESENCE = "tessera.presence"
"""In the scope, where the server tells it: the Presence of the client."""


class Presence:
    """For one connection and one event loop. gone: it has ended.

    listen: has the connection read on, if it had stopped; who does not read does not notice the end.
    """

    __slots__ = ("_listen", "_watchers", "gone")

    def __init__(self, listen: Callable[[], None]) -> None:
        self.gone = False
        self._listen = listen
        self._watchers: set[Callable[[], None]] = set()

    def watch(self, leave: Callable[[], None]) -> Callable[[], None]:
        """`leave` is called when the client goes. Returns what ends that."""
        self._listen()
        self._watchers.add(leave)
        return lambda: self._watchers.discard(leave)

    def end(self) -> None:
        """The connection is lost."""
        self.gone = True
        for leave in list(self._watchers):
            leave()
