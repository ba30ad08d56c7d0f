"""The training loop: reads from top to bottom, one phase a comment. It knows recipes only by their protocol."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training import checkpoint
from training.budget import Budget
from training.data.order import Order
from training.recipes.recipe import Recipe
from training.run import RunLog

PREVIEW_IMAGES = 64
LOG_STEPS = 50
CHECKPOINT_SECONDS = 120.0
FAKES_A_RUN = 20


@dataclass(frozen=True)
class TrainingSet:
    """images uint8 [N, R, R, C], labels int64 [N] of the whole set; chosen int64 [M]: those to train on.

    Indices below are positions in `chosen`, so that the memory-mapped cache is never copied.
    """

    images: np.ndarray
    labels: np.ndarray
    chosen: np.ndarray

    def __len__(self) -> int:
        return len(self.chosen)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        """uint8 [B, R, R, C]."""
        return np.asarray(self.images[self.chosen[indices]])

    def batch(self, indices: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
        """-> images float32 [B, C, R, R] in [-1, 1], labels int64 [B], on `device`."""
        pixels = torch.from_numpy(self.pixels(indices)).to(device, non_blocking=True)
        images = pixels.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0)
        return images, torch.from_numpy(self.labels[self.chosen[indices]]).to(device, non_blocking=True)


@dataclass(frozen=True)
class Outcome:
    """finished is False when a signal stopped the run early; resume goes on from the last checkpoint."""

    images_seen: int
    seconds: float
    finished: bool


def train(
    run: Path, recipe: Recipe, data: TrainingSet, budget: Budget, log: RunLog, device: torch.device, seed: int
) -> Outcome:
    """Trains until the budget is spent or a signal comes; resumes from the run's latest checkpoint if there is one."""
    # Phase 0: begin, or go on where the last checkpoint stood.
    torch.manual_seed(seed)
    order = Order(len(data), recipe.batch_size, seed)
    preview = Preview(recipe, data, seed, device)
    resumed = _resume(run, recipe, order, budget)
    log.say(f"resumed at {budget.images_seen} images" if resumed else f"training on {len(data)} images")
    if not resumed:
        log.picture("reals.png", preview.reals)
    last_checkpoint = time.monotonic()

    with _stop_on_signals() as stop_asked:
        while not budget.spent and not stop_asked():
            # Phase 1: one step.
            step = order.steps
            images, labels = data.batch(order.next(), device)
            numbers = recipe.step(images, labels, budget.progress)
            budget.count(recipe.batch_size)

            # Phase 2: say how it goes. Progress moves only here, so that a replay sees the same schedule.
            if step % LOG_STEPS == 0:
                budget.tick()
                _tick(log, budget, numbers)
                if preview.due(budget.progress):
                    log.picture(f"fakes{budget.images_seen:06d}.png", preview.fakes())

            # Phase 3: keep what was learnt.
            if time.monotonic() - last_checkpoint > CHECKPOINT_SECONDS:
                _save(run, recipe, order, budget)
                last_checkpoint = time.monotonic()

    budget.tick()
    _save(run, recipe, order, budget)
    log.picture(f"fakes{budget.images_seen:06d}.png", preview.fakes())
    log.say(f"{'finished' if budget.spent else 'stopped'} at {budget.images_seen} images, {budget.seconds:.0f} s")
    return Outcome(budget.images_seen, budget.seconds, budget.spent)


class Preview:
    """The same 64 seeds, one row of labels after the other, drawn again and again while the generator learns."""

    def __init__(self, recipe: Recipe, data: TrainingSet, seed: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(seed)
        shown = torch.randint(0, len(data), (PREVIEW_IMAGES,), generator=generator).numpy()
        self.reals = data.pixels(shown)
        self._recipe = recipe
        self._z = torch.randn(PREVIEW_IMAGES, recipe.published.z_dim, generator=generator).to(device)
        self._labels = torch.from_numpy(data.labels[data.chosen[shown]]).to(device)
        self._drawn = 0

    def due(self, progress: float) -> bool:
        """True a fixed number of times a run, evenly over its budget."""
        if progress * FAKES_A_RUN < self._drawn:
            return False
        self._drawn = int(progress * FAKES_A_RUN) + 1
        return True

    @torch.no_grad()
    def fakes(self) -> np.ndarray:
        """uint8 [64, R, R, C]."""
        images = self._recipe.published(self._z, self._labels).float()
        pixels = images.add(1).mul(127.5).round().clamp(0, 255).byte()
        return pixels.permute(0, 2, 3, 1).cpu().numpy()


def _tick(log: RunLog, budget: Budget, numbers: dict[str, Tensor]) -> None:
    values = {name: float(value) for name, value in numbers.items()}
    rate = budget.images_seen / max(budget.seconds, 1e-9)
    losses = "  ".join(f"{name.replace('/', '_')} {value:.4f}" for name, value in values.items())
    line = f"{budget.progress:6.1%}  {budget.seconds:7.0f} s  {budget.images_seen:9d} images  {rate:7.1f}/s  {losses}"
    log.tick(line, {"images": budget.images_seen, "seconds": budget.seconds, "Speed/images_per_second": rate, **values})


def _save(run: Path, recipe: Recipe, order: Order, budget: Budget) -> None:
    state = {
        "recipe": recipe.state(),
        "order": order.steps,
        "budget": budget.state(),
        "random": checkpoint.random_state(),
    }
    checkpoint.save_step(run, budget.images_seen, state)


def _resume(run: Path, recipe: Recipe, order: Order, budget: Budget) -> bool:
    path = checkpoint.latest(run)
    if path is None:
        return False
    state = checkpoint.read(path)
    recipe.load(state["recipe"])
    order.steps = state["order"]
    budget.load(state["budget"])
    checkpoint.restore_random_state(state["random"])
    return True


@contextmanager
def _stop_on_signals() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM ask for a stop after the step in hand; a second one ends the process at once."""
    asked = False

    def ask(number: int, _: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, before[number])

    if threading.current_thread() is not threading.main_thread():
        yield lambda: asked
        return
    before: dict[int, Any] = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
