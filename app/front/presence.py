"""Whether the client at the other end of a connection is still there, told without asking.

ASGI has an application ask for the next message to learn of a disconnect, which takes a task beside every request that
waits; the protocol knows the moment it happens.
"""

from collections.abc import Callable
from functools import partial

from app.front.leaving import Leaving

PRESENCE = "tessera.presence"
"""In the scope, where the server tells it: the Presence of the client."""


class Presence:
    """For one connection and one event loop. gone: it has ended.

    listen: has the connection read on, if it had stopped; who does not read does not notice the end. leaving: of all
    connections.
    """

    __slots__ = ("_leaving", "_listen", "_watchers", "gone")

    def __init__(self, listen: Callable[[], None], leaving: Leaving) -> None:
        self.gone = False
        self._listen = listen
        self._leaving = leaving
        self._watchers: dict[Callable[[], None], Callable[[], None]] = {}

    def watch(self, leave: Callable[[], None], forsake: Callable[[], None]) -> Callable[[], object]:
        """When the client goes, `forsake` is called at once, and `leave` when its turn has come. Returns what ends
        that."""
        self._listen()
        self._watchers[leave] = forsake
        return partial(self._watchers.pop, leave, None)

    def end(self) -> None:
        """The connection is lost."""
        self.gone = True
        if self._watchers:
            for forsake in self._watchers.values():
                forsake()
            self._leaving.soon(self._tell)

    def _tell(self) -> None:
        for leave in list(self._watchers):
            leave()
