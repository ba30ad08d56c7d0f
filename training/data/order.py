"""The order in which images are seen: every image once an epoch, shuffled anew, as a function of (seed, step) alone.

Nothing but the step number has to be saved to go on exactly where a run stopped.
"""

import numpy as np

from training.checkpoint import State


class Order:
    """Batches of `batch_size` indices into `count` images, without end. A batch may span two epochs."""

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        if count < 1:
            raise ValueError("there are no images to order")
        self._count = count
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = -1
        self._shuffled = np.empty(0, np.int64)
        self.steps = 0

    def next(self) -> np.ndarray:
        """The indices int64 [batch_size] of the next step."""
        first = self.steps * self._batch_size
        self.steps += 1
        positions = np.arange(first, first + self._batch_size)
        return np.array([self._at(*divmod(int(position), self._count)) for position in positions], np.int64)

    def _at(self, epoch: int, position: int) -> int:
        if epoch != self._epoch:
            self._epoch = epoch
            self._shuffled = np.random.Generator(np.random.PCG64([self._seed, epoch])).permutation(self._count)
        return int(self._shuffled[position])

    def state(self) -> State:
        return {"steps": self.steps}

    def load(self, state: State) -> None:
        self.steps = state["steps"]
