"""Where the process stands: loading, ready, draining, or without its device. Health routes and admission ask here."""

from collections.abc import Callable
from enum import Enum

from app.errors import DeviceLost, Draining, NotLoaded


class Stage(Enum):
    LOADING = "loading"
    READY = "ready"
    EMPTY = "empty"
    DRAINING = "draining"
    LOST = "lost"


class Lifecycle:
    """Moves only forward. Setting a stage is a plain assignment, so signal handlers and engine threads may do it."""

    def __init__(self) -> None:
        self._stage = Stage.LOADING
        self._reason = "models are being loaded and proved"
        self._on_lost: list[Callable[[], None]] = []

    @property
    def stage(self) -> Stage:
        return self._stage

    @property
    def reason(self) -> str:
        """One sentence for people; "ok" when ready."""
        return self._reason

    def ready(self) -> None:
        if self._stage in (Stage.LOADING, Stage.EMPTY):
            self._stage, self._reason = Stage.READY, "ok"

    def empty(self, reason: str) -> None:
        """Nothing could be loaded; `reason` says why."""
        if self._stage is Stage.LOADING:
            self._stage, self._reason = Stage.EMPTY, reason

    def drain(self) -> None:
        if self._stage is not Stage.LOST:
            self._stage, self._reason = Stage.DRAINING, "the service is shutting down"

    def device_lost(self, reason: str) -> None:
        """Not ready from this moment; whoever registered with `on_device_lost` is told, once."""
        if self._stage is Stage.LOST:
            return
        self._stage, self._reason = Stage.LOST, f"the accelerator is gone: {reason}"
        for tell in self._on_lost:
            tell()

    def on_device_lost(self, tell: Callable[[], None]) -> None:
        self._on_lost.append(tell)

    def require_ready(self) -> None:
        """Raises what a request for work is answered with when the process cannot take it."""
        if self._stage is Stage.READY:
            return
        if self._stage is Stage.DRAINING:
            raise Draining(self._reason, retry_after=2)
        if self._stage is Stage.LOST:
            raise DeviceLost(self._reason)
        raise NotLoaded(self._reason, retry_after=5 if self._stage is Stage.LOADING else 60)
