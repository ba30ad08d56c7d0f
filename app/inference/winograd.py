"""Transposed convolutions that double the image, with 36 multiplications where the definition has 64.

Along one dimension a phase of the output is y[i] = b x[i] + a x[i + 1], and two neighbours share the x between them:
with P = x[i + 1] - x[i], Q = x[i + 1], R = x[i + 1] - x[i + 2]

    y[i] = (a + b) Q - b P        y[i + 1] = (a + b) Q - a R

three products for four: Winograd's F(2, 2). In both dimensions, for both phases of each, that is 36 products of
channels for the 64 of a 4x4 block of output pixels: one convolution of 1x1 in 36 groups (emit_winograd.py). The
differences of the input and the sums of the results cost less than is saved only while they stay in a core's cache:
every image has its turn alone, and so has the same bits in every batch.
"""

import torch
from torch import Tensor

from app.inference.overlap import doubles
from app.inference.program import Affine, Program, Var, Winograd

KINDS = 3  # P, Q, R
GROUPS = (KINDS * 2) ** 2
_SMALLEST, _LARGEST = 64, 1024  # pixels: of larger ones the differences leave the cache
_FEWEST = 64  # channels
_VECTOR = 16  # channels
_TAPS = ((3, 1), (2, 0))  # b and a of each phase


def share_products(program: Program) -> None:
    """Rearrange every doubling layer of such a size, in place."""
    for layer in program.each(Affine):
        if doubles(layer) and _pays(layer):
            program.swap(layer, [by_groups(layer)])


def _pays(layer: Affine) -> bool:
    _, inside, height, width = layer.x.shape
    channels = (inside, layer.weight.shape[1])
    full = min(channels) >= _FEWEST and all(count % _VECTOR == 0 for count in channels)
    return full and _SMALLEST <= height * width <= _LARGEST and height % 2 == width % 2 == 0


def by_groups(layer: Affine) -> Winograd:
    _, inside, height, width = layer.x.shape
    spread = Var((1, GROUPS * inside, height // 2, width // 2))
    bias = None if layer.bias is None else group_bias(layer.bias)
    products = Var((1, GROUPS * layer.weight.shape[1], height // 2, width // 2))
    conv = Affine("conv", spread, group_weight(layer.weight), bias, products, groups=GROUPS)
    return Winograd(layer.x, conv, layer.out, layer.activation)


def group_weight(weight: Tensor) -> Tensor:
    """conv_transpose2d weight [in, out, 4, 4] -> conv2d weight [36 out, in, 1, 1], groups ordered (row kind, row phase,
    column kind, column phase)."""
    rows = _kinds(weight.double(), 2)  # kind, phase, in, out, kernel column
    both = _kinds(rows, 4)  # column kind and phase, row kind and phase, in, out
    return both.permute(2, 3, 0, 1, 5, 4).reshape(-1, weight.shape[0], 1, 1).float().contiguous()


def _kinds(weight: Tensor, axis: int) -> Tensor:
    """The kernel's axis of four -> kinds and phases [3, 2], in front."""
    phases = [(weight.select(axis, b), weight.select(axis, a)) for b, a in _TAPS]
    return torch.stack([torch.stack(kind) for kind in zip(*((-b, a + b, -a) for b, a in phases), strict=True)])


def group_bias(bias: Tensor) -> Tensor:
    """[out] -> [36 out]: of the products that are added up in an output pixel, one is Q in both dimensions."""
    spread = bias.new_zeros(KINDS, 2, KINDS, 2, len(bias))
    spread[1, :, 1] = bias
    return spread.flatten()
