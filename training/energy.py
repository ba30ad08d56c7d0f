"""The electricity that training took, where the host can tell: processors by RAPL, an NVIDIA GPU by NVML.

Both count for the whole package or board, whoever uses it; on a busy host the figure is an upper bound.
"""

from collections.abc import Callable
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
JOULES_PER_WATT_HOUR = 3600.0

Counter = Callable[[], float]
"""Joules since some moment; falls back only where it wraps around."""


class EnergyMeter:
    """Counts from the moment it is made. read() must be called every few minutes: RAPL's counters wrap around."""

    def __init__(self, device: torch.device, powercap: Path = POWERCAP) -> None:
        packages = rapl_packages(powercap)
        gpu = gpu_counter(device) if device.type == "cuda" else None
        # With a GPU the processors are the smaller part; without its own counter the figure would mislead.
        self._tells = gpu is not None if device.type == "cuda" else bool(packages)
        counters = [*(_Counted(counter, span) for counter, span in packages)]
        if gpu is not None:
            counters.append(_Counted(gpu, 0.0))
        self._counters = counters if self._tells else []

    def read(self) -> float | None:
        """Watt hours so far; None where the host cannot tell, or no longer can."""
        try:
            joules = sum(counter.read() for counter in self._counters)
        except Exception:  # a counter that stops answering is no reason to stop training
            self._tells = False
        return joules / JOULES_PER_WATT_HOUR if self._tells else None


class _Counted:
    """One counter, made to go on where it wraps. span: what it can count to."""

    def __init__(self, counter: Counter, span: float) -> None:
        self._counter, self._span = counter, span
        self._last, self._sum = counter(), 0.0

    def read(self) -> float:
        now = self._counter()
        self._sum += now - self._last + (self._span if now < self._last else 0.0)
        self._last = now
        return self._sum


def rapl_packages(powercap: Path) -> list[tuple[Counter, float]]:
    """A counter and its span for each processor package; none where there is no RAPL, or only root may read it."""
    found: list[tuple[Counter, float]] = []
    for folder in sorted(powercap.glob("intel-rapl:*")):  # AMD's too go by that name
        try:
            if not (folder / "name").read_text().startswith("package"):
                continue
            counter = _microjoules(folder / "energy_uj")
            counter()
            found.append((counter, int((folder / "max_energy_range_uj").read_text()) / 1e6))
        except (OSError, ValueError):
            return []
    return found


def gpu_counter(device: torch.device) -> Counter | None:
    """The board's own counter; None without pynvml, or where the driver or the board has none."""
    try:
        import pynvml

        pynvml.nvmlInit()
        index = device.index if device.index is not None else torch.cuda.current_device()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(index).uuid}")

        def joules() -> float:
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1e3

        joules()
    except Exception:  # NVML has an exception for everything, and a package of that name may be another
        return None
    return joules


def _microjoules(file: Path) -> Counter:
    return lambda: int(file.read_text()) / 1e6
