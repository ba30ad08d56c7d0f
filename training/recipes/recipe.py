"""What the loop asks of a recipe: one step, its whole state, and the generator to show and publish."""

from typing import Protocol

from torch import Tensor

from training.checkpoint import State
from training.networks.generator import ImageGenerator


class Recipe(Protocol):
    """A way to train. `family` names the networks in the manifest; `batch_size` images go into a step."""

    family: str
    batch_size: int

    @property
    def published(self) -> ImageGenerator:
        """The generator whose images are shown, evaluated and published."""

    def step(self, images: Tensor, labels: Tensor, progress: float) -> dict[str, Tensor]:
        """One step on images [batch, C, R, R] float32 in [-1, 1], labels [batch] int64, at progress in [0, 1].

        Returns scalars by name ("Loss/D", "Loss/G" and what else the recipe watches), not yet brought to the host.
        """

    def gentler(self, times: int) -> None:
        """Sets, from now on, a setting under which training goes wrong less easily than under the configured one.

        `times`: how often it went wrong so far; 0 is the configured setting. Not part of the state.
        """

    def state(self) -> State:
        """Everything that `load` needs to go on as if nothing had happened."""

    def load(self, state: State) -> None: ...
