"""Transposed convolutions that double the image, with 36 multiplications where the definition has 64.

Along one dimension a phase of the output is y[i] = b x[i] + a x[i + 1], and two neighbours share the x between them:
with P = x[i + 1] - x[i], Q = x[i + 1], R = x[i + 1] - x[i + 2]

    y[i] = (a + b) Q - b P        y[i + 1] = (a + b) Q - a R

three products for four: F(2, 2) of Winograd 1980, as Lavin and Gray 2016 have it for networks. In both dimensions, for
both phases of each, that is 36 products of channels for the 64 of a 4x4 block of output pixels: one convolution of 1x1
in 36 groups (emit_winograd.py). The differences of the input and the sums of the results cost less than is saved only
while they stay in a core's cache: a few images have their turn. Where an image is small, its weights would have to
come anew for each turn: there a batch has six convolutions, one after the other, with the same sums, so that an image
has the same bits in every batch.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from app.inference.overlap import doubles
from app.inference.program import RECORDED_BATCH, Affine, Program, Var, Winograd

KINDS = 3  # P, Q, R
GROUPS = (KINDS * 2) ** 2
_TAPS = ((3, 1), (2, 0))  # b and a of each phase
_VECTOR = 16  # channels
_SMALL = 16  # pixels
_HEAVY = 1 << 15  # channels in times channels out, from where it pays on a small image
_LEAST, _MOST = 64, 1024  # pixels of others: of larger ones the differences leave the cache
_FEWEST = 64  # channels, there


def share_products(program: Program) -> None:
    """Rearrange every doubling layer of such a size, in place."""
    for layer in program.each(Affine):
        if doubles(layer) and _pays(layer):
            program.swap(layer, [by_groups(layer)])


def _pays(layer: Affine) -> bool:
    _, inside, height, width = layer.x.shape
    outside = layer.weight.shape[1]
    if any(count % _VECTOR for count in (inside, outside)) or height % 2 or width % 2:
        return False
    if height * width <= _SMALL:
        return inside * outside >= _HEAVY
    return min(inside, outside) >= _FEWEST and _LEAST <= height * width <= _MOST


def by_groups(layer: Affine) -> Winograd:
    """Of a small image the weights are what moves most: there the batch has six convolutions of its own."""
    weight = group_weight(layer.weight)
    bias = None if layer.bias is None else group_bias(layer.bias)
    small = layer.x.shape[2] * layer.x.shape[3] <= _SMALL
    parts = tuple(_by_rows(layer, weight, bias)) if small else ()
    return Winograd(layer.x, _conv(layer, weight, bias), parts, layer.out, layer.activation)


def _by_rows(layer: Affine, weight: Tensor, bias: Tensor | None) -> Iterator[Affine]:
    """The same products, for each row phase those of Q, which is added to both others, then of P and of R."""
    weights = weight.view(KINDS, 2, -1, *weight.shape[1:])
    for phase in range(2):
        for kind in (1, 0, 2):
            own = bias.view(KINDS, 2, -1)[kind, phase] if bias is not None and kind == 1 else None
            yield _conv(layer, weights[kind, phase].contiguous(), own)


def _conv(layer: Affine, weight: Tensor, bias: Tensor | None) -> Affine:
    _, inside, height, width = layer.x.shape
    groups = weight.shape[0] // layer.weight.shape[1]
    spread = Var((RECORDED_BATCH, groups * inside, height // 2, width // 2))
    products = Var((RECORDED_BATCH, len(weight), height // 2, width // 2))
    return Affine("conv", spread, weight, bias, products, groups=groups)


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
