"""What inference tells the outside, without knowing who listens."""

from typing import Protocol


class Observer(Protocol):
    """Every method is quick, never raises and may be called from the event loop or from the engine's thread."""

    def batch(self, size: int, seconds: float) -> None:
        """A forward pass over `size` images took `seconds`."""

    def waited(self, seconds: float, n: int) -> None:
        """The first images of a request of `n` waited `seconds` in the queue."""

    def cancelled(self, n: int) -> None:
        """`n` images were dropped before they were computed, because their client had gone."""

    def rejected(self, reason: str, n: int) -> None:
        """`n` images were refused or given up; `reason` is the error's code."""

    def oom_split(self) -> None:
        """A batch did not fit into the device's memory and was split."""


class Silent:
    """Listens to nothing."""

    def batch(self, size: int, seconds: float) -> None:
        pass

    def waited(self, seconds: float, n: int) -> None:
        pass

    def cancelled(self, n: int) -> None:
        pass

    def rejected(self, reason: str, n: int) -> None:
        pass

    def oom_split(self) -> None:
        pass
