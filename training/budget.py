"""How long to train: a number of images, minutes on the clock, or minutes of processor time.

Progress is updated only at ticks and is part of the checkpoint, so that the schedule is a function of the step. With a
budget of images the whole run is then reproducible to the bit; with minutes it follows the machine's speed. Processor
time compares recipes fairly on a machine that does other work too, or that stops them for a while.
"""

import time
from dataclasses import dataclass, field

from training.checkpoint import State


@dataclass
class Budget:
    """Give either `images` or `seconds_limit` (the other None), which counts over all resumptions.

    processor_time: the limit is one of processor time, summed over cores, instead of time on the clock.
    """

    images: int | None
    seconds_limit: float | None
    processor_time: bool = False
    images_seen: int = 0
    progress: float = 0.0
    _earlier_seconds: float = 0.0
    _earlier_cpu_seconds: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _began_cpu: float = field(default_factory=time.process_time)

    def __post_init__(self) -> None:
        if (self.images is None) == (self.seconds_limit is None):
            raise ValueError("a budget is either a number of images or a time, not both and not neither")
        if (self.images or self.seconds_limit or 0) <= 0:
            raise ValueError("a budget must be more than nothing")

    @property
    def seconds(self) -> float:
        """Training time so far, over all resumptions, up to the last save of each."""
        return self._earlier_seconds + time.monotonic() - self._began

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far, summed over cores and resumptions."""
        return self._earlier_cpu_seconds + time.process_time() - self._began_cpu

    @property
    def spent(self) -> bool:
        if self.images is not None:
            return self.images_seen >= self.images
        return self._spent_seconds >= (self.seconds_limit or 0.0)

    @property
    def _spent_seconds(self) -> float:
        return self.cpu_seconds if self.processor_time else self.seconds

    def count(self, images: int) -> None:
        self.images_seen += images

    def tick(self) -> None:
        """Moves `progress`, in [0, 1], to where the run stands."""
        if self.images is not None:
            self.progress = min(self.images_seen / self.images, 1.0)
        else:
            self.progress = min(self._spent_seconds / (self.seconds_limit or 1.0), 1.0)

    def state(self) -> State:
        return {
            "images_seen": self.images_seen,
            "progress": self.progress,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }

    def load(self, state: State) -> None:
        self.images_seen = state["images_seen"]
        self.progress = state["progress"]
        self._earlier_seconds = state["seconds"]
        self._earlier_cpu_seconds = state["cpu_seconds"]
        self._began = time.monotonic()
        self._began_cpu = time.process_time()
