"""Products that overlap add up to the transposed convolution, down to an image of one pixel."""

import math

import pytest
import torch
from torch.nn import functional

from app.inference.emit import emit
from app.inference.overlap import multiply
from app.inference.packing import onednn_available
from app.inference.program import RECORDED_BATCH, Activation, Overlap, Program, Var
from tests.app.inference.doubling import layer

CHANNELS = 16


@pytest.mark.parametrize("onednn", sorted({False, onednn_available()}))
@pytest.mark.parametrize(
    ("outside", "largest", "size"),
    [
        *((outside, 16, size) for outside in (3, 16) for size in [(1, 1), (1, 4), (2, 1), (3, 5)]),
        (16, math.inf, (5, 6)),  # as on a GPU
    ],
)
def test_they_are_the_transposed_convolution(size, outside, largest, onednn):
    affine = layer(CHANNELS, outside, *size, activation=Activation("tanh"))
    program = Program(affine.x, Var((RECORDED_BATCH,)), [affine], affine.out)
    multiply(program, largest)
    assert len(list(program.each(Overlap))) == 1
    source, constants = emit(program, onednn=onednn)
    forward = torch.jit.CompilationUnit(source).forward
    for batch in (1, 2, 5):
        x = torch.randn(batch, CHANNELS, *size)
        with torch.inference_mode():
            made = forward(x, torch.zeros(batch, dtype=torch.int64), constants.of_this_thread())
        wanted = functional.conv_transpose2d(x, affine.weight, affine.bias, stride=2, padding=1).tanh()
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-5)
