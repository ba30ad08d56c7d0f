"""Looks at a run nobody else looks at: draws it, finds out whether it is well, and remembers its best moment."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.best import Best
from training.budget import Budget
from training.data.training_set import TrainingSet
from training.health import Health, not_finite
from training.judge import Judge
from training.preview import Preview
from training.recipes.recipe import Recipe
from training.run import RunLog


@dataclass(frozen=True)
class Finding:
    """checked: the pictures were looked at, not only the numbers. trouble: what is wrong, empty if nothing is."""

    checked: bool
    trouble: str


class Watch:
    """`health` and `best` are parts of the checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingSet,
        budget: Budget,
        judge: Judge,
        log: RunLog,
        seed: int,
    ) -> None:
        self._recipe = recipe
        self._budget = budget
        self._log = log
        self._preview = Preview(data, recipe.published.z_dim, seed)
        with budget.reserving("look"):
            self.health = Health(judge, self._preview.reals, self._preview.labels)
        self.best = Best(judge, data.labels[data.chosen], seed)

    def show_reals(self) -> None:
        self._log.picture("reals.png", self._preview.reals)

    def look(self, numbers: Mapping[str, float], *, last: bool = False) -> Finding:
        """Looks at the recipe's numbers, and where a check is due, or it is the last one, at its pictures."""
        due = self.health.due(self._budget.progress, self._budget.images_seen) or last
        weights = self._recipe.published.parameters() if due else ()
        trouble = not_finite(numbers, weights)
        if due and not trouble:
            with self._budget.reserving("look"):
                trouble = self._look_at_pictures()
        return Finding(due, trouble)

    def _look_at_pictures(self) -> str:
        generator, seen = self._recipe.published, self._budget.images_seen
        fakes = self._preview.fakes(generator)
        self._log.picture(f"fakes{seen:06d}.png", fakes)
        diversity = self.health.diversity(fakes)
        self._log.number("Health/diversity", diversity, seen)
        if trouble := self.health.complaint(diversity):
            return trouble
        if measured := self.best.offer(generator, self._budget.progress, seen):
            self._log.say(measured)
        return ""
