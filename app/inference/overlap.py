"""Transposed convolutions of small images as one matrix product, whose results overlap.

A convolution kernel works along rows of pixels; in an image of 4x4 there are none. Every input pixel times every weight
is one large product instead, and what falls on the same output pixel is added up afterwards. The same multiplications,
at the rate of a product. Measured on one AVX-512 core, 512 -> 256 channels at 4x4 -> 8x8: 105 GFLOP/s before, 165
after; one image 0.8 ms before, 0.7 after. At 8x8 the convolution itself is as fast.
"""

from torch import Tensor

from app.inference.narrow import doubles
from app.inference.program import RECORDED_BATCH, Affine, Batch, Call, Overlap, Program, Step, Var

_SMALL = 16  # pixels
_TAPS = 16


def multiply(program: Program) -> None:
    """Rearrange every doubling layer of a small image, in place."""
    for layer in program.each(Affine):
        if doubles(layer) and layer.x.shape[2] * layer.x.shape[3] <= _SMALL:
            program.swap(layer, _by_product(layer))


def _by_product(layer: Affine) -> list[Step]:
    _, inside, height, width = layer.x.shape
    rows, outside = height * width, layer.weight.shape[1]
    bias = None if layer.bias is None else central_bias(layer.bias)
    pixels, flat = Var((RECORDED_BATCH, height, width, inside)), Var((RECORDED_BATCH * rows, inside))
    products = Var((RECORDED_BATCH * rows, _TAPS * outside))
    return [
        Call("aten.permute", (layer.x, [0, 2, 3, 1]), {}, pixels),
        Call("aten.reshape", (pixels, [Batch(rows), inside]), {}, flat),
        Affine("linear", flat, tap_weight(layer.weight), bias, products),
        Overlap(products, layer.out, layer.activation),
    ]


def tap_weight(weight: Tensor) -> Tensor:
    """conv_transpose2d weight [in, out, 4, 4] -> matrix [16 out, in], rows ordered (kernel row, kernel column, out)."""
    return weight.permute(2, 3, 1, 0).reshape(-1, weight.shape[0]).contiguous()


def central_bias(bias: Tensor) -> Tensor:
    """[out] -> [16 out]: of the four products on an output pixel, one comes from the middle 2x2 of the kernel."""
    spread = bias.new_zeros(4, 4, len(bias))
    spread[1:3, 1:3] = bias
    return spread.flatten()
