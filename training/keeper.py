"""What a run keeps on disk: where it stands, and the states that it may go back to when training goes wrong.

All are whole checkpoints. A good one is a checkpoint that was written right after a check had found the run well; every
checkpoint names the good ones, so that a resumed run goes back to the same state as an unbroken one would.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from training import checkpoint, ranks
from training.budget import Budget
from training.checkpoint import State
from training.recipes.recipe import Recipe

GOOD = 2
"""So many good states are kept: if trouble comes again before the next check, the last one was already bad."""


class Part(Protocol):
    def state(self) -> State: ...

    def load(self, state: State) -> None: ...


class Keeper:
    """parts: whatever else has to go on where it stood, by the name that its state has in the checkpoint."""

    def __init__(self, run: Path, recipe: Recipe, budget: Budget, parts: Mapping[str, Part]) -> None:
        self._run = run
        self._recipe = recipe
        self._budget = budget
        self._parts: dict[str, Part] = {"recipe": recipe, "budget": budget, **parts}
        self._good: list[int] = []
        self._rollbacks = 0

    def resume(self) -> bool:
        """Loads the latest readable checkpoint; False if there is none."""
        path = checkpoint.latest(self._run)
        if path is None:
            return False
        state = checkpoint.read(path)
        for name, part in self._parts.items():
            part.load(state[name])
        self._good, self._rollbacks = state["good"], state["rollbacks"]
        self._recipe.gentler(self._rollbacks)
        checkpoint.restore_random_state(state["random"])
        return True

    def save(self) -> None:
        """Raises CheckpointError if it cannot be written; then the previous one is untouched."""
        if ranks.rank() > 0:
            return
        with self._budget.reserving("save"):
            state: State = {name: part.state() for name, part in self._parts.items()}
            state |= {"good": self._good, "rollbacks": self._rollbacks, "random": checkpoint.random_state()}
            checkpoint.save_step(self._run, self._budget.images_seen, state, self._good)

    def save_good(self) -> None:
        """The same, and remembers it as a state to go back to."""
        self._good = [*self._good, self._budget.images_seen][-GOOD:]
        self.save()

    def roll_back(self) -> str:
        """Takes the recipe, and nothing else, back to the last good state, with a gentler setting; says so.

        The order of the images, the random streams and the budget go on: the next try sees other batches.
        """
        images_seen = self._good[-1]
        self._recipe.load(checkpoint.read(checkpoint.path_of(self._run, images_seen))["recipe"])
        ranks.wait_for_all()  # before the first one removes what the others still read
        self._rollbacks += 1
        self._recipe.gentler(self._rollbacks)
        self._good = self._good[:-1] or self._good
        self.save()
        return f"back to the state at {images_seen} images, with a gentler setting (number {self._rollbacks})"
