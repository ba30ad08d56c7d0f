"""Drops steps that move nothing: what slicing, viewing and permuting come to when they follow each other.

Each costs a few microseconds, whatever the size of the batch: nothing in a batch of 64, a noticeable part of one image.
"""

from dataclasses import replace
from typing import Any

from app.inference.program import Call, Program, Var

_TO_SHAPE = {"aten.view", "aten.reshape"}
_SAME_ORDER = _TO_SHAPE | {"aten.unsqueeze", "aten.flatten"}
_NO_END = 2**31  # x[:] is recorded with an end far beyond any size
_FREE = _SAME_ORDER | {"aten.slice", "aten.permute"}


def tidy(program: Program) -> None:
    """Apply every rule, in place."""
    for call in program.each(Call):
        if call.op == "aten.alias" or (call.op == "aten.slice" and _takes_all(call)):
            program.bypass(call)
        elif call.op == "aten.permute":
            _merge_permutations(program, call)
        elif call.op in _TO_SHAPE:
            _merge_shapes(program, call)
    for call in reversed(list(program.each(Call))):
        if call.op in _FREE and call.out is not program.result and not program.is_read(call.out):
            program.remove(call)


def _takes_all(call: Call) -> bool:
    """slice(x, dim=0, start=None, end=None, step=1)."""
    defaults: tuple[Any, ...] = (None, 0, None, None, 1)
    _, _, start, end, step = [*call.args, *defaults[len(call.args) :]]
    to_the_end = end is None or (isinstance(end, int) and end >= _NO_END)
    return not call.kwargs and start in (None, 0) and step == 1 and to_the_end


def _merge_permutations(program: Program, call: Call) -> None:
    inner, order = program.producer(call.args[0]), call.args[1]
    if isinstance(inner, Call) and inner.op == "aten.permute":
        merged = replace(call, args=(inner.args[0], [inner.args[1][axis] for axis in order]))
        program.swap(call, [merged])
        if merged.args[1] == list(range(len(order))):
            program.bypass(merged)


def _merge_shapes(program: Program, call: Call) -> None:
    x: Var = call.args[0]
    while isinstance(inner := program.producer(x), Call) and inner.op in _SAME_ORDER:
        x = inner.args[0]
    merged = replace(call, args=(x, *call.args[1:]))
    program.swap(call, [merged])
    if x.shape == call.out.shape:
        program.bypass(merged)
