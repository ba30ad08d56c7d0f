"""A layer that doubles the image, and a step alone as a compiled program."""

import torch

from app.inference.emit import emit
from app.inference.program import RECORDED_BATCH, Affine, Program, Var


def layer(inside, outside, height, width, *, bias=True, activation=None):
    weight = torch.randn(inside, outside, 4, 4) / (4 * inside) ** 0.5
    x, out = Var((RECORDED_BATCH, inside, height, width)), Var((RECORDED_BATCH, outside, 2 * height, 2 * width))
    offsets = torch.randn(outside) if bias else None
    return Affine("conv_transpose", x, weight, offsets, out, (2, 2), (1, 1), activation=activation)


def source(step, onednn):
    return emit(Program(step.x, Var((RECORDED_BATCH,)), [step], step.out), onednn=onednn)


def compiled(step, onednn):
    text, constants = source(step, onednn)
    forward = torch.jit.CompilationUnit(text).forward
    return lambda x: forward(x, torch.zeros(len(x), dtype=torch.int64), constants.of_this_thread())
