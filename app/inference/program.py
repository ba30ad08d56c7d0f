"""A generator as a straight list of steps: tape.py records it, rewrite.py, overlap.py, winograd.py, narrow.py and
tidy.py improve it, emit.py writes it.

A value inside a step is a Var (computed in each call), a Tensor (a weight), Batch (a size that follows the batch), a
plain number, string, dtype, device ..., or a list of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from torch import Tensor

RECORDED_BATCH = 2


class Unsupported(Exception):
    """This generator cannot be turned into a program; the reason is for the log. It is served as published."""


@dataclass(frozen=True, eq=False)
class Var:
    """A tensor computed in each call. `shape` is the recorded one, at batch size RECORDED_BATCH; () for a tuple."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """`factor` times the batch size."""

    factor: int


@dataclass(frozen=True)
class Activation:
    """An elementwise function as oneDNN names it ("relu", "leaky_relu", "swish" ...), its scalars and its variant."""

    name: str
    scalars: tuple[float, ...] = ()
    algorithm: str = ""


@dataclass(frozen=True)
class Call:
    """Any operator, by the name it has under torch.ops ("aten.view")."""

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Var

    @property
    def reads(self) -> tuple[Var, ...]:
        return tuple(_vars([*self.args, *self.kwargs.values()]))


@dataclass(frozen=True)
class Item:
    """One member of an operator's tuple or list of results."""

    of: Var
    index: int
    out: Var

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.of,)


@dataclass(frozen=True)
class Affine:
    """linear, conv or conv_transpose with constant weights in PyTorch's layout, and perhaps the activation after it."""

    kind: Literal["linear", "conv", "conv_transpose"]
    x: Var
    weight: Tensor
    bias: Tensor | None
    out: Var
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    output_padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    activation: Activation | None = None

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


@dataclass(frozen=True)
class Planes:
    """weight [out, in] times every row of x [rows, in] -> [out, rows], the transpose of a linear layer's result; bias
    [out]."""

    weight: Tensor
    x: Var
    bias: Tensor | None
    out: Var

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


@dataclass(frozen=True)
class Overlap:
    """x, what each input pixel adds to the 4x4 output pixels around it -> their sums by phase; see overlap.py. Writes
    into x.

    order: of the axes of both, one letter each: B, C, input pixel H and W, and r and c, which are kernel row and column
    (4 x 4) in x, row and column phase (2 x 2) in out. image: C, 2 H, 2 W.
    """

    x: Var
    out: Var
    image: tuple[int, ...]
    order: str

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


@dataclass(frozen=True)
class Interleave:
    """x by phase, its axes in `order` as Overlap gives them -> [B, C, 2 H, 2 W], and the activation on the way."""

    x: Var
    out: Var
    order: str
    activation: Activation | None = None

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


@dataclass(frozen=True)
class Quantise:
    """x in [-1, 1], its axes in `order` (B, C, H, W, or as Overlap gives them) -> uint8 [B, H, W, C],
    clamp(round_half_even((x + 1) * 127.5), 0, 255).

    bounded: x is known to lie in [-1, 1]. activation: of x is meant, not x itself."""

    x: Var
    out: Var
    order: str
    bounded: bool = False
    activation: Activation | None = None

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


@dataclass(frozen=True)
class Winograd:
    """x [B, C, H, W] -> [B, O, 2 H, 2 W] by 1x1 convolutions in 36 groups of C -> O channels; see winograd.py.

    whole: all groups, for few images at a time. parts: perhaps the same by row phase and row kind, for a whole batch.
    They have no activation; what they read and give exists inside this step alone."""

    x: Var
    whole: Affine
    parts: tuple[Affine, ...]
    out: Var
    activation: Activation | None = None

    @property
    def reads(self) -> tuple[Var, ...]:
        return (self.x,)


Step = Call | Item | Affine | Planes | Overlap | Interleave | Quantise | Winograd
S = TypeVar("S", Call, Item, Affine, Planes, Overlap, Interleave, Quantise, Winograd)


@dataclass
class Program:
    """Steps in order, from the inputs z and label to `result`."""

    z: Var
    label: Var
    steps: list[Step] = field(default_factory=list)
    result: Var = field(default_factory=lambda: Var(()))

    def only_reader(self, var: Var) -> Step | None:
        """The one step that reads `var`, if there is exactly one and `var` is not the result."""
        readers = [step for step in self.steps if any(read is var for read in step.reads)]
        return readers[0] if len(readers) == 1 and var is not self.result else None

    def is_read(self, var: Var) -> bool:
        return any(read is var for step in self.steps for read in step.reads)

    def each(self, kind: type[S]) -> Iterator[S]:
        """Every step of one kind, as it stands when its turn comes: a rule may change the steps under way."""
        for out in [step.out for step in self.steps]:
            step = self.producer(out)
            if isinstance(step, kind):
                yield step

    def producer(self, var: Var) -> Step | None:
        """The step that computes `var` (None: an input)."""
        return next((step for step in self.steps if step.out is var), None)

    def swap(self, old: Step, new: list[Step]) -> None:
        """Put `new` where `old` stood."""
        at = self._position(old)
        self.steps[at : at + 1] = new

    def bypass(self, step: Step) -> None:
        """Drop a step with one input: who read its result reads that input."""
        (var,) = step.reads
        self.remove(step)
        self.steps = [_reading(other, step.out, var) for other in self.steps]
        if self.result is step.out:
            self.result = var

    def remove(self, step: Step) -> None:
        """Drop a step whose result nobody reads."""
        del self.steps[self._position(step)]

    def _position(self, step: Step) -> int:
        return next(at for at, other in enumerate(self.steps) if other is step)


def _reading(step: Step, old: Var, new: Var) -> Step:
    """`step`, reading `new` wherever it read `old`."""
    if not any(read is old for read in step.reads):
        return step
    if isinstance(step, Call):
        kwargs = {name: _exchange(value, old, new) for name, value in step.kwargs.items()}
        return replace(step, args=tuple(_exchange(value, old, new) for value in step.args), kwargs=kwargs)
    return replace(step, of=new) if isinstance(step, Item) else replace(step, x=new)


def _exchange(value: Any, old: Var, new: Var) -> Any:
    if isinstance(value, list | tuple):
        return [_exchange(member, old, new) for member in value]
    return new if value is old else value


def _vars(values: list[Any]) -> Iterator[Var]:
    for value in values:
        if isinstance(value, Var):
            yield value
        elif isinstance(value, list | tuple):
            yield from _vars(list(value))
