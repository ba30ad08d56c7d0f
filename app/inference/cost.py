"""How many multiplications a generator asks for, as published: the yardstick of every images-per-second figure."""

import math

from torch import Tensor

from app.inference.program import Call, Program


def multiplications(program: Program) -> int:
    """Multiply-adds an image of a recorded, not yet rewritten program: its linear layers and convolutions."""
    return sum(_of(step) for step in program.steps if isinstance(step, Call))


def _of(call: Call) -> int:
    weight = call.args[1] if len(call.args) > 1 else None
    if not isinstance(weight, Tensor):
        return 0
    places: tuple[int, ...] = (0,)
    if call.op == "aten.linear":
        places = call.out.shape[1:-1]
    elif call.op == "aten.conv2d":
        places = call.out.shape[2:]
    elif call.op == "aten.conv_transpose2d":
        places = call.args[0].shape[2:]
    return weight.numel() * math.prod(places)
