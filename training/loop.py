"""The training loop: reads from top to bottom, one phase a comment. It knows recipes only by their protocol."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from training import ranks
from training.budget import Budget
from training.data.order import Order
from training.data.training_set import TrainingSet
from training.judge import Judge
from training.keeper import Keeper
from training.memory import keep_freed_memory
from training.profiling import profiled
from training.recipes.recipe import Recipe
from training.run import RunLog
from training.signals import stop_on_signals
from training.watch import Watch

LOG_IMAGES = 1600
CHECKPOINT_SECONDS = 120.0


@dataclass(frozen=True)
class Outcome:
    """finished is False when a signal stopped the run early; resume goes on from the last checkpoint."""

    images_seen: int
    seconds: float
    finished: bool


def train(
    run: Path,
    recipe: Recipe,
    data: TrainingSet,
    budget: Budget,
    judge: Judge,
    log: RunLog,
    device: torch.device,
    seed: int,
    profile: bool = False,
) -> Outcome:
    """Trains until the budget is spent or a signal comes; resumes from the run's latest checkpoint if there is one.

    Every rank (training/ranks.py) comes through here at the same pace; the first one alone looks, and writes.
    """
    # Phase 0: begin, or go on where the last checkpoint stood.
    keep_freed_memory()
    torch.manual_seed(seed)
    order = Order(len(data), recipe.batch_size, seed)
    watch = Watch(recipe, data, budget, judge, log, seed)
    keeper = Keeper(run, recipe, budget, {"order": order, "health": watch.health, "best": watch.best})
    tick_steps = max(1, LOG_IMAGES // recipe.batch_size)

    # From the first checkpoint on a signal must find somebody who heeds it.
    with stop_on_signals() as stop_asked, profiled(run, profile and ranks.rank() == 0) as step_done:
        if keeper.resume():
            log.say(f"resumed at {budget.images_seen} images")
        else:
            log.say(f"training on {len(data)} images")
            watch.show_reals()
            keeper.save_good()
        last_saved = time.monotonic()
        while not ranks.from_first(lambda: budget.spent or stop_asked()):
            # Phase 1: one step.
            step = order.steps
            images, labels = data.batch(ranks.share(order.next()), device)
            numbers = recipe.step(images, labels, budget.progress)
            budget.count(recipe.batch_size)

            # Phase 2: say how it goes, and look whether it goes well. Progress and the recipe's setting move only here,
            # at fixed steps, so that a replay sees the same schedule.
            if step % tick_steps == 0:
                budget.tick()
                budget.progress = ranks.from_first(lambda: budget.progress)
                values = ranks.averages(numbers)
                _tick(log, budget, values)
                found = ranks.from_first(partial(watch.look, values))
                if found.trouble:
                    log.say(f"trouble: {found.trouble}; {keeper.roll_back()}")
                elif found.checked:
                    keeper.save_good()

            # Phase 3: keep what was learnt.
            if time.monotonic() - last_saved > CHECKPOINT_SECONDS:
                keeper.save()
                last_saved = time.monotonic()
            step_done()

    # Phase 4: end. A run that was stopped early is kept as it is, for it will go on.
    budget.tick()
    finished = ranks.from_first(lambda: budget.spent)
    if finished and (trouble := ranks.from_first(lambda: watch.look({}, last=True)).trouble):
        log.say(f"trouble: {trouble}; {keeper.roll_back()}")
    else:
        keeper.save()
    log.say(f"{'finished' if finished else 'stopped'} at {budget.images_seen} images, {budget.seconds:.0f} s")
    return Outcome(budget.images_seen, budget.seconds, finished)


def _tick(log: RunLog, budget: Budget, values: dict[str, float]) -> None:
    rate = budget.images_seen / max(budget.seconds, 1e-9)
    losses = "  ".join(f"{name.replace('/', '_')} {value:.4f}" for name, value in values.items())
    line = f"{budget.progress:6.1%}  {budget.seconds:7.0f} s  {budget.images_seen:9d} images  {rate:7.1f}/s  {losses}"
    log.tick(line, {"images": budget.images_seen, "seconds": budget.seconds, "Speed/images_per_second": rate, **values})
