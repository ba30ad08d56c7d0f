"""How long to train: a number of images, minutes on the clock, or minutes of processor time.

Progress is updated only at ticks and is part of the checkpoint, so that the schedule is a function of the step. With a
budget of images the whole run is then, on a CPU, reproducible to the bit; with minutes it follows the machine's speed.
Processor time compares recipes fairly on a machine that does other work too, or that stops them for a while.

A time is kept with everything that belongs to it: the start of the process counts, and what has to be done at the end
is foreseen from what it took before.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from training.checkpoint import State
from training.energy import EnergyMeter


@dataclass
class Budget:
    """Give either `images` or `seconds_limit` (the other None), which counts over all resumptions.

    processor_time: the limit is one of processor time, summed over cores, instead of time on the clock.
    head_start: seconds that had passed when the budget was made, and count. meter: begins when training does.
    """

    images: int | None
    seconds_limit: float | None
    processor_time: bool = False
    head_start: float = 0.0
    meter: EnergyMeter | None = None
    images_seen: int = 0
    progress: float = 0.0
    _earlier_seconds: float = 0.0
    _earlier_cpu_seconds: float = 0.0
    _earlier_energy_wh: float | None = 0.0
    _began: float = field(default_factory=lambda: time.monotonic())
    _began_cpu: float = field(default_factory=lambda: time.process_time())
    _reserved: dict[str, float] = field(default_factory=dict)
    _counted: float = math.inf
    _step: float = math.inf

    def __post_init__(self) -> None:
        if (self.images is None) == (self.seconds_limit is None):
            raise ValueError("a budget is either a number of images or a time, not both and not neither")
        if (self.images or self.seconds_limit or 0) <= 0:
            raise ValueError("a budget must be more than nothing")

    @property
    def seconds(self) -> float:
        """Training time so far, over all resumptions, up to the last save of each."""
        return self._earlier_seconds + self.head_start + time.monotonic() - self._began

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far, summed over cores and resumptions."""
        return self._earlier_cpu_seconds + self.head_start + time.process_time() - self._began_cpu

    @property
    def energy_wh(self) -> float | None:
        """Watt hours so far, over all resumptions; None where a host could not tell."""
        now = self.meter.read() if self.meter else None
        return None if now is None or self._earlier_energy_wh is None else self._earlier_energy_wh + now

    @property
    def spent(self) -> bool:
        """True when another step would end further from the limit than none."""
        if self.images is not None:
            return self.images_seen >= self.images
        half_a_step = self._step / 2 if self._step < math.inf else 0.0
        return self._spent_seconds + half_a_step >= self._for_steps

    @property
    def _spent_seconds(self) -> float:
        return self.cpu_seconds if self.processor_time else self.seconds

    @property
    def _for_steps(self) -> float:
        """The limit, less what the end of the run will take."""
        return (self.seconds_limit or 0.0) - sum(self._reserved.values())

    @contextmanager
    def reserving(self, work: str) -> Iterator[None]:
        """Times work that has to be done once more at the end, so that the steps leave room for it."""
        before = self._spent_seconds
        yield
        self._reserved[work] = self._spent_seconds - before

    def count(self, images: int) -> None:
        """After every step."""
        self.images_seen += images
        now = self._spent_seconds
        self._step = min(self._step, now - self._counted if self._counted < math.inf else math.inf)
        self._counted = now

    def tick(self) -> None:
        """Moves `progress`, in [0, 1], to where the run stands."""
        if self.images is not None:
            self.progress = min(self.images_seen / self.images, 1.0)
        else:
            self.progress = min(self._spent_seconds / max(self._for_steps, 1e-9), 1.0)

    def state(self) -> State:
        return {
            "images_seen": self.images_seen,
            "progress": self.progress,
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
            "energy_wh": self.energy_wh,
        }

    def load(self, state: State) -> None:
        self.images_seen = state["images_seen"]
        self.progress = state["progress"]
        self._earlier_seconds = state["seconds"]
        self._earlier_cpu_seconds = state["cpu_seconds"]
        self._earlier_energy_wh = state.get("energy_wh")
