"""Where steps of a program leave what only the next ones read: buffers that a thread keeps from one call to the next.

To make them in each call, with the zeros around an image and every operator's view of them, took a lone image a
twentieth of its time. Every thread that has ever run a program keeps its set, some 4 MB for the widest layers: those of
the engine, those that warm it up, and the one that leads all cores.
"""

import threading

from torch import Tensor, zeros


class Scratch:
    """Shared by programs of which a thread runs one at a time, by layers under one name: the largest wins."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._own = threading.local()

    def reserve(self, buffer: str, numbers: int) -> None:
        self._sizes[buffer] = max(numbers, self._sizes.get(buffer, 0))

    def of_this_thread(self, buffer: str) -> Tensor:
        """float32, flat; it begins with zeros."""
        made: dict[str, Tensor] = self._own.__dict__
        if buffer not in made or len(made[buffer]) < self._sizes[buffer]:
            made[buffer] = zeros(self._sizes[buffer])
        return made[buffer]


class Constants:
    """The list `c` of a program's source: weights, the same for all, and parts of the calling thread's buffers."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._places: dict[int, int] = {}  # of weights, by id
        self._members: list[Tensor | tuple[str, Tensor]] = []
        self._own = threading.local()

    def weight(self, tensor: Tensor) -> int:
        """Its place in the list."""
        if id(tensor) not in self._places:
            self._places[id(tensor)] = len(self._members)
            self._members.append(tensor)
        return self._places[id(tensor)]

    def part(self, buffer: str, view: Tensor) -> int:
        """The place of that part of a buffer. view: sizes, strides and offset, on a tensor without memory."""
        last = sum((size - 1) * int(stride) for size, stride in zip(view.shape, view.stride(), strict=True))
        self._scratch.reserve(buffer, int(view.storage_offset()) + last + 1)
        self._members.append((buffer, view))
        return len(self._members) - 1

    def of_this_thread(self) -> list[Tensor]:
        try:
            made: list[Tensor] = self._own.made
        except AttributeError:
            made = self._own.made = [self._made(member) for member in self._members]
        return made

    def _made(self, member: Tensor | tuple[str, Tensor]) -> Tensor:
        if isinstance(member, Tensor):
            return member
        buffer, view = member
        return self._scratch.of_this_thread(buffer).as_strided(view.shape, view.stride(), view.storage_offset())
