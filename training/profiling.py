"""PyTorch's profiler on a few steps of a run, as a table and as a trace for chrome://tracing or Perfetto."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile, schedule

FIRST_STEPS, WARM_UP, RECORDED = 8, 2, 10
ROWS = 40


@contextmanager
def profiled(run: Path, wanted: bool) -> Iterator[Callable[[], None]]:
    """Gives a function to call after every step. Steps 11 to 20 go to profile.txt and profile.json of the run."""
    if not wanted:
        yield lambda: None
        return
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()

    def write(profiler: profile) -> None:
        by = "self_cuda_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
        (run / "profile.txt").write_text(profiler.key_averages().table(sort_by=by, row_limit=ROWS) + "\n")
        profiler.export_chrome_trace(str(run / "profile.json"))

    steps = schedule(wait=FIRST_STEPS, warmup=WARM_UP, active=RECORDED, repeat=1)
    with profile(activities=activities, schedule=steps, on_trace_ready=write) as profiler:
        yield profiler.step
