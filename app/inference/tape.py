"""Records a generator's forward pass as a Program, whatever its module structure: it is run twice and watched.

The operators that PyTorch dispatches are written down at two batch sizes and merged: an integer that follows the batch
size becomes Batch, what depends on neither z nor label becomes a constant (so weights derived from weights cost nothing
later), and anything that cannot be replayed for every input (random numbers, values read back to the host, writes into
weights) is refused. The recording is at operator level, so it does not depend on how the generator was serialised.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from app.inference.program import RECORDED_BATCH, Batch, Call, Item, Program, Unsupported, Var

_OTHER_BATCH = 3

_METADATA = {f"aten.{name}" for name in ("size", "stride", "dim", "numel", "is_floating_point", "is_contiguous", "len")}

Forward = Callable[[Tensor, Tensor], Tensor]
_Entry = tuple[Any, tuple[Any, ...], dict[str, Any], Any]  # operator, args, kwargs, result


def record(forward: Forward, z: Tensor, label: Tensor) -> Program:
    """The Program of `forward`. z float32 [3, z_dim], label int64 [3]. Raises Unsupported."""
    first, first_result = _watch(forward, z[:RECORDED_BATCH], label[:RECORDED_BATCH])
    second, second_result = _watch(forward, z[:_OTHER_BATCH], label[:_OTHER_BATCH])
    if [entry[0] for entry in first] != [entry[0] for entry in second]:
        raise Unsupported("its operators depend on the batch size or on the values")
    merge = _Merge(z, label)
    for one, other in zip(first, second, strict=True):
        merge.entry(one, other)
    return merge.finish(first_result, second_result)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: list[_Entry] = []  # holds every tensor alive, so that an id stands for one tensor

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; True would import the compiler: a second and 100 MB

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.entries.append((func, args, kwargs or {}, result))
        return result


def _watch(forward: Forward, z: Tensor, label: Tensor) -> tuple[list[_Entry], Tensor]:
    z, label = z.clone(), label.clone()
    with _Watch() as watch:
        result = forward(z, label)
    start: _Entry = (None, (z, label), {}, None)
    return [start, *watch.entries], result


class _Merge:
    """Two recordings walked side by side into one Program."""

    def __init__(self, z: Tensor, label: Tensor) -> None:
        self.program = Program(Var((RECORDED_BATCH, z.shape[1])), Var((RECORDED_BATCH,)))
        self.known: dict[int, Var | Tensor] = {}  # by id of a tensor of either recording
        self.alive: list[Any] = []

    def entry(self, one: _Entry, other: _Entry) -> None:
        self.alive += [one, other]
        func, args, kwargs, result = one
        if func is None:
            for var, a, b in zip((self.program.z, self.program.label), args, other[1], strict=True):
                self._know(var, a, b)
            return
        if _name(func) in _METADATA:
            return  # a number known from the shapes: it comes back as an argument, and is merged there
        _refuse(func, result)
        if not func._schema.is_mutable and any(result is argument for argument in args):
            return  # a conversion that had nothing to do
        values = tuple(self._merge(a, b) for a, b in zip(args, other[1], strict=True))
        options = {name: self._merge(a, other[2][name]) for name, a in kwargs.items()}
        call = Call(_name(func), values, options, Var(_shape(result)))
        if func._schema.is_mutable:
            _refuse_constant_targets(func, values, options)
        elif not call.reads and _identical(result, other[3]):
            for a, b in zip(_tensors(result), _tensors(other[3]), strict=True):
                self._know(a, a, b)
            return
        self.program.steps.append(call)
        self._results(call.out, result, other[3])

    def finish(self, one: Tensor, other: Tensor) -> Program:
        result = self._merge(one, other)
        if not isinstance(result, Var):
            raise Unsupported("its output depends on neither z nor label")
        self.program.result = result
        return self.program

    def _results(self, out: Var, one: Any, other: Any) -> None:
        if isinstance(one, Tensor):
            self._know(out, one, other)
            return
        for index, (a, b) in enumerate(zip(_tensors(one), _tensors(other), strict=True)):
            item = Item(out, index, Var(tuple(a.shape)))
            self.program.steps.append(item)
            self._know(item.out, a, b)

    def _know(self, value: Var | Tensor, one: Tensor, other: Tensor) -> None:
        self.known[id(one)] = self.known[id(other)] = value

    def _merge(self, one: Any, other: Any) -> Any:
        if isinstance(one, Tensor):
            return self._tensor(one, other)
        if isinstance(one, list | tuple):
            if len(one) != len(other):
                raise Unsupported("a list that depends on the batch size")
            return [self._merge(a, b) for a, b in zip(one, other, strict=True)]
        if type(one) is int and type(other) is int and one != other:
            return _batch(one, other)
        if one != other:
            raise Unsupported(f"a value that depends on the batch size: {one!r}")
        return one

    def _tensor(self, one: Tensor, other: Tensor) -> Var | Tensor:
        known = self.known.get(id(one))
        if known is not None:
            if isinstance(known, Var) and self.known.get(id(other)) is not known:
                raise Unsupported("its data flow depends on the batch size")
            return known
        if not _identical(one, other):
            raise Unsupported("a constant that depends on the batch size")
        self._know(one, one, other)
        return one


def _batch(one: int, other: int) -> Batch:
    factor = one // RECORDED_BATCH
    if factor * RECORDED_BATCH != one or factor * _OTHER_BATCH != other:
        raise Unsupported(f"a size that is not a multiple of the batch size: {one}")
    return Batch(factor)


def _refuse(func: Any, result: Any) -> None:
    if torch.Tag.nondeterministic_seeded in func.tags:
        raise Unsupported(f"{_name(func)} draws random numbers")
    values = result if isinstance(result, list | tuple) else [result]
    if not all(isinstance(value, Tensor) for value in values):
        raise Unsupported(f"{_name(func)} reads values back")


def _refuse_constant_targets(func: Any, values: tuple[Any, ...], options: dict[str, Any]) -> None:
    for index, argument in enumerate(func._schema.arguments):
        written = argument.alias_info is not None and argument.alias_info.is_write
        value = values[index] if index < len(values) else options.get(argument.name)
        if written and not isinstance(value, Var):
            raise Unsupported(f"{_name(func)} writes into a constant")


def _name(func: Any) -> str:
    return f"{func.namespace}.{func._schema.name.partition('::')[2]}"


def _tensors(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)


def _shape(result: Any) -> tuple[int, ...]:
    return tuple(result.shape) if isinstance(result, Tensor) else ()


def _identical(one: Any, other: Any) -> bool:
    pairs = zip(_tensors(one), _tensors(other), strict=True)
    return all(a is b or (a.shape == b.shape and a.dtype == b.dtype and torch.equal(a, b)) for a, b in pairs)
